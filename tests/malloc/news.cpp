// news.cpp - the C++ operators and containers, with exceptions thrown across them.
#include <cstdint>
#include <cstdio>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <numeric>
#include <string>
#include <vector>

struct alignas(128) Wide {
    double values[64];
};

static size_t thrown()
{
    size_t count = 0;

    for (int i = 0; i < 100; i++) {
        try {
            std::vector<char> held(100000 + i);
            volatile size_t too_much = SIZE_MAX / 4;
            std::unique_ptr<char[]> never(new char[too_much]);
            held[0] = never[0];
        } catch (const std::bad_alloc &) {
            count++;
        }
    }
    return count;
}

int main()
{
    std::vector<uint64_t> numbers;
    std::map<int, std::string> names;
    std::list<std::vector<int>> lists;
    Wide *wide = new Wide[1000]();

    for (uint64_t i = 0; i < 1000000; i++)
        numbers.push_back(i);
    for (int i = 0; i < 20000; i++)
        names[i] = std::string(static_cast<size_t>(i % 200), 'x') + std::to_string(i);
    for (int i = 0; i < 50; i++)
        lists.emplace_back(10000, i);
    std::printf("%llu %zu %s %d\n",
                static_cast<unsigned long long>(std::accumulate(numbers.begin(), numbers.end(), uint64_t{0})), names.size(),
                names[777].c_str(), lists.back().back());
    std::printf("%d %zu\n", reinterpret_cast<uintptr_t>(wide) % 128 == 0 && wide[999].values[63] == 0.0, thrown());
    delete[] wide;
    char *raw = new (std::nothrow) char[1 << 20]();
    std::printf("%d\n", raw[12345]);
    delete[] raw;
    return 0;
}
