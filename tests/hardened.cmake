# SPDX-License-Identifier: MIT
# test_every_mode(LABEL NAME COMMAND...): test_preloaded(), and NAME@hardened.
function(test_every_mode label name)
  test_preloaded(${label} ${name} ${ARGN})
  add_test(NAME ${label}/${name}@hardened COMMAND ${ARGN})
  set_tests_properties(${label}/${name}@hardened PROPERTIES
    LABELS ${label} TIMEOUT 120 SKIP_RETURN_CODE 77
    ENVIRONMENT "LD_PRELOAD=${PRELOAD};LIBALLOC_CONF=harden:1")
endfunction()
