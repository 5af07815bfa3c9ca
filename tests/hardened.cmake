# SPDX-License-Identifier: MIT
# test_conf(LABEL NAME CONF COMMAND...): preloaded, with this LIBALLOC_CONF.
function(test_conf label name conf)
  add_test(NAME ${label}/${name} COMMAND ${ARGN})
  set_tests_properties(${label}/${name} PROPERTIES
    LABELS ${label} TIMEOUT 600 SKIP_RETURN_CODE 77
    ENVIRONMENT "LD_PRELOAD=${PRELOAD};LIBALLOC_CONF=${conf}")
endfunction()

# test_every_mode(LABEL NAME COMMAND...): test_preloaded(), and NAME@hardened.
function(test_every_mode label name)
  test_preloaded(${label} ${name} ${ARGN})
  test_conf(${label} ${name}@hardened harden:1 ${ARGN})
endfunction()
