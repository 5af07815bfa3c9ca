# The static library is one object with its inner names made local:
#  - one: who pulls in malloc pulls in all of it.  With members of its own, a
#    program could get our malloc and free with glibc's aligned_alloc;
#  - local: hidden visibility does not keep two archives' `zones` apart.
# liballoc_combine(OUT OBJECT...)
function(liballoc_combine out)
  set(combined ${CMAKE_CURRENT_BINARY_DIR}/liballoc.o)
  add_custom_command(OUTPUT ${combined}
    COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -o ${combined} ${ARGN}
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${combined}
    DEPENDS ${ARGN} COMMAND_EXPAND_LISTS VERBATIM)
  set(${out} ${combined} PARENT_SCOPE)
endfunction()
