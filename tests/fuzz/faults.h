/*
 * faults.h - calls of the system and of OpenSSL that fail
 *
 * The linker wraps what faults.c lists, for the library's objects alone.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include "fuzz.h"

/* The nth call from now on fails, 0: none; and all after it, if so wished. */
void faults_arm(uint32_t nth, bool all);
void faults_disarm(void);
/* Did one fail since it was armed? */
bool faults_came(void);
/* Not meanwhile; was it armed? */
bool faults_pause(void);
void faults_resume(bool armed);

#endif
