#pragma once
// OpenSSL 3 deprecates its hashes without EVP, whose contexts need memory and a configured provider, and so can fail.
// These need neither, and are the same code.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/sha.h>
