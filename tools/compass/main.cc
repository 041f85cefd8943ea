// The `compass` command: puts pictures into files, and gets them out again.
#include "commands.h"

int main(int argc, char** argv) {
  return compass::tools::run_program(compass::tools::compass_program(), argc, argv);
}
