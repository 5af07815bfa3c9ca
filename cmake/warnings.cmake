# One interface target carries the warnings of STYLE: link it to get them.
add_library(liballoc_warnings INTERFACE)
target_compile_options(liballoc_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual
  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wundef
  -Wvla -Walloca -Wformat=2 -Wnull-dereference -Wwrite-strings -Wswitch-enum
  -Wimplicit-fallthrough)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(liballoc_warnings INTERFACE
    -Wcast-align=strict -Wduplicated-cond -Wlogical-op)
else()
  target_compile_options(liballoc_warnings INTERFACE -Wcast-align -Wthread-safety)
endif()
if(LIBALLOC_WERROR)
  target_compile_options(liballoc_warnings INTERFACE -Werror)
endif()
