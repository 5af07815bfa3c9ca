# SPDX-License-Identifier: MIT
# cmake -DOUT=FILE.c -DFILES="PATH;..." -P embed.cmake: files as C arrays, in a
# table report_files[] that ends with a NULL name.  A file that is not there
# has size 0.
set(arrays "#include <stddef.h>\n#include <stdint.h>\n\n")
set(table "")
set(number 0)
foreach(path IN LISTS FILES)
  get_filename_component(name ${path} NAME)
  set(hex "")
  if(EXISTS ${path})
    file(READ ${path} hex HEX)
  endif()
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  string(APPEND arrays "static const uint8_t file${number}[] = {\n${hex}0};\n\n")
  string(APPEND table "    {\"${name}\", file${number}, ${size}},\n")
  math(EXPR number "${number} + 1")
endforeach()
string(CONCAT text "/* Made by cmake/embed.cmake. */\n" "${arrays}"
  "struct embedded {\n    const char *name;\n    const uint8_t *bytes;\n"
  "    size_t size;\n};\n"
  "extern const struct embedded report_files[];\n"
  "const struct embedded report_files[] = {\n${table}    {NULL, NULL, 0},\n};\n")
file(WRITE ${OUT} "${text}")
