// Gives h2load a certificate, which it has no option for: loaded before it with LD_PRELOAD, adds the files of
// CLIENT_CERT and CLIENT_KEY (PEM) to each context of OpenSSL.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

// Declared here so that OpenSSL's headers don't have to be installed.
int SSL_CTX_use_certificate_chain_file(void *context, const char *file);
int SSL_CTX_use_PrivateKey_file(void *context, const char *file, int type);
#define SSL_FILETYPE_PEM 1

void *SSL_CTX_new(const void *method) {
  void *(*create)(const void *) = (void *(*)(const void *))dlsym(RTLD_NEXT, "SSL_CTX_new");
  void *context = create(method);
  if (SSL_CTX_use_certificate_chain_file(context, getenv("CLIENT_CERT")) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, getenv("CLIENT_KEY"), SSL_FILETYPE_PEM) != 1) {
    fprintf(stderr, "the client certificate can't be used\n");
    exit(1);
  }
  return context;
}
