# Writes OUT, which tells the commit that SOURCE is at, unless it says so already. Run by every build.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --exclude=*
                RESULT_VARIABLE code OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT code EQUAL 0)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${OUT} @ONLY CONTENT [[#include "eval/facts.h"

std::string compass::eval::commit_fact() {
  return "@commit@";
}
]])
