// exceptions.cpp - exceptions thrown while walking the block, iostreams into and out of it, operator new.
#include "data.h"

#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

static void walk(const unsigned char *block, size_t at)
{
    if (at >= DATA_BYTES)
        throw std::runtime_error("walked to the end");
    if (!data_is(block + at, at, 1))
        throw std::logic_error("wrong byte");
    walk(block, at + 65536);
}

int main(int, char **argument)
{
    std::unique_ptr<unsigned char[]> block(new unsigned char[DATA_BYTES]);
    std::vector<char> second(DATA_BYTES);
    std::ifstream file(argument[1], std::ios::binary);

    data_read(argument[1], block.get());
    file.read(second.data(), DATA_BYTES);
    CHECK(file.gcount() == DATA_BYTES);
    file.close();
    try {
        walk(block.get(), 0);
    } catch (const std::runtime_error &error) {
        std::cout << error.what() << '\n';
    }
    std::ofstream nowhere("/dev/null", std::ios::binary);
    nowhere.write(second.data(), DATA_BYTES);
    CHECK(nowhere.flush());
    std::cout.write(reinterpret_cast<char *>(block.get()) + LONG_AT, LONG_BYTES - 1) << std::endl;
    CHECK(std::cout.good());
    CHECK(data_is_all(block.get()) && data_is_all(reinterpret_cast<unsigned char *>(second.data())));
    return 0;
}
