#pragma once
#include <curl/curl.h>

// curl_easy_setopt(3) and curl_easy_getinfo(3) take what they are given as variable arguments, which Swift cannot call.

static inline CURLcode piforge_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode piforge_curl_set_text(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode piforge_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode piforge_curl_set_buffer(CURL *handle, CURLoption option, char *value) {
    return curl_easy_setopt(handle, option, value);
}

// `option` is CURLOPT_WRITEFUNCTION or CURLOPT_HEADERFUNCTION, `data` the option for what the function gets last.
static inline CURLcode piforge_curl_set_function(
    CURL *handle, CURLoption option, curl_write_callback function, CURLoption data, void *context) {
    CURLcode code = curl_easy_setopt(handle, option, function);
    return code == CURLE_OK ? curl_easy_setopt(handle, data, context) : code;
}

// Bits, for libraries before 7.85, which do not know CURLOPT_PROTOCOLS_STR.
static inline CURLcode piforge_curl_allow(CURL *handle, int http_first, int http_later) {
    long first = CURLPROTO_HTTPS | (http_first ? CURLPROTO_HTTP : 0);
    long later = CURLPROTO_HTTPS | (http_later ? CURLPROTO_HTTP : 0);
    CURLcode code = curl_easy_setopt(handle, CURLOPT_PROTOCOLS, first);
    return code == CURLE_OK ? curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS, later) : code;
}
