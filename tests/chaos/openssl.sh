# needs: openssl
case $1 in quick) n=200000 bits=1024 ;; *) n=5000000 bits=2048 ;; esac
seq 1 $n | head -c $n > a
for digest in md5 sha1 sha256 sha512 sha3-256 blake2b512; do openssl dgst -$digest < a; done
for cipher in aes-256-cbc aes-128-ctr chacha20 camellia-128-cbc; do
    openssl enc -$cipher -K 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff -iv 0102030405060708090a0b0c0d0e0f10 -in a -out b 2> /dev/null
    openssl enc -d -$cipher -K 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff -iv 0102030405060708090a0b0c0d0e0f10 -in b 2> /dev/null | cmp - a && echo "$cipher $(sha1sum < b)"
done
openssl genrsa -out key $bits 2> /dev/null && openssl rsa -in key -check -noout 2>&1 | head -n 1
openssl req -new -x509 -key key -subj /CN=lens -days 2 -out cert 2> /dev/null && openssl verify -CAfile cert cert
openssl dgst -sha256 -sign key -out sig a && openssl x509 -in cert -pubkey -noout > pub && openssl dgst -sha256 -verify pub -signature sig a
openssl ecparam -name prime256v1 -genkey -noout -out ec && openssl pkeyutl -derive -inkey ec -peerkey <(openssl ec -in ec -pubout 2> /dev/null) | wc -c
openssl prime -generate -bits 200 > p && openssl prime "$(cat p)" | grep -c 'is prime'
[ "$1" = quick ] || openssl speed -seconds 1 -evp sha256 2> /dev/null | tail -n 1 | grep -c sha256
