# FLUFFY_ENABLE(FEATURE, HELP): --enable-FEATURE, off by default.
AC_DEFUN([FLUFFY_ENABLE],
  [AC_ARG_ENABLE([$1], [AS_HELP_STRING([--enable-$1], [$2])],
    [AS_IF([test "x$enableval" = xno], [enable_$1=no], [enable_$1=yes])],
    [enable_$1=no])])

# FLUFFY_REQUIRE(VARIABLE, MODULE, VERSION, DEBIAN-PACKAGE)
AC_DEFUN([FLUFFY_REQUIRE],
  [PKG_CHECK_MODULES([$1], [$2 >= $3], [],
    [AS_IF([$PKG_CONFIG --exists $2],
      [AC_MSG_ERROR([$2 is too old (needed: $3): install a newer Debian package $4])],
      [AC_MSG_ERROR([$2 is missing: install the Debian package $4])])])])

# _FLUFFY_FLAGS(VARIABLE, FLAGS, TRIED-AS): append to VARIABLE, and substitute,
# those FLAGS with which a small program compiles and links without a warning.
# Clang only warns about flags that it doesn't know, therefore -Werror.
AC_DEFUN([_FLUFFY_FLAGS],
  [AC_SUBST([$1])
  for fluffy_flag in m4_normalize([$2]); do
    AC_MSG_CHECKING([whether $CC takes $fluffy_flag])
    fluffy_saved=$$3
    $3="$$3 $fluffy_flag -Werror"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <string.h>]])],
      [AC_MSG_RESULT([yes]); $1="$$1 $fluffy_flag"],
      [AC_MSG_RESULT([no])])
    $3=$fluffy_saved
  done])
AC_DEFUN([FLUFFY_CFLAGS], [_FLUFFY_FLAGS([$1], [$2], [CFLAGS])])
AC_DEFUN([FLUFFY_LDFLAGS], [_FLUFFY_FLAGS([$1], [$2], [LDFLAGS])])

# FLUFFY_INSTRUMENT(FLAGS, WHAT): flags that were asked for, for compiler and
# linker; not having them is an error.
AC_DEFUN([FLUFFY_INSTRUMENT],
  [AC_MSG_CHECKING([whether $CC has $2])
  INSTRUMENT_FLAGS="$INSTRUMENT_FLAGS m4_normalize([$1])"
  fluffy_saved=$CFLAGS
  CFLAGS="$CFLAGS $INSTRUMENT_FLAGS"
  AC_LINK_IFELSE([AC_LANG_PROGRAM()], [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
    AC_MSG_ERROR([$CC has no $2 here: install the Debian packages clang and libclang-rt-14-dev and say CC=clang])])
  CFLAGS=$fluffy_saved])

# FLUFFY_MBEDTLS(VERSION): --with-mbedtls, off by default; only VERSION.x has
# the internals that are used.
AC_DEFUN([FLUFFY_MBEDTLS],
  [AC_ARG_WITH([mbedtls], [AS_HELP_STRING([--with-mbedtls],
      [AuthorizedPublicKey in fluffy-dk, with mbed TLS $1 (at its end of life)])],
    [AS_IF([test "x$withval" = xno], [with_mbedtls=no], [with_mbedtls=yes])],
    [with_mbedtls=no])
  AS_IF([test $with_mbedtls = yes],
    [AC_MSG_CHECKING([for mbed TLS $1])
    fluffy_saved=$LIBS
    MBEDTLS_LIBS="-lmbedtls -lmbedx509 -lmbedcrypto"
    LIBS="$MBEDTLS_LIBS $LIBS"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[
      #include <mbedtls/ssl_internal.h>
      #include <mbedtls/version.h>
      #if MBEDTLS_VERSION_MAJOR * 100 + MBEDTLS_VERSION_MINOR != ]m4_translit([$1], [.], [])[
      #error another version
      #endif
      #if !defined MBEDTLS_SSL_KEEP_PEER_CERTIFICATE || \
          !defined MBEDTLS_SSL_DTLS_HELLO_VERIFY || \
          !defined MBEDTLS_SSL_DTLS_ANTI_REPLAY
      #error a part that is needed was left out
      #endif]], [[return mbedtls_ssl_handshake_step(0);]])],
      [AC_MSG_RESULT([yes])],
      [AC_MSG_RESULT([no])
      AC_MSG_ERROR([mbed TLS $1 is missing: install the Debian package libmbedtls-dev])])
    LIBS=$fluffy_saved])
  AC_SUBST([MBEDTLS_LIBS])
  AM_CONDITIONAL([MBEDTLS], [test $with_mbedtls = yes])])
