// The `compass-lab` command: measures the codec and its models, and makes models ready for it.
#include "commands.h"

int main(int argc, char** argv) {
  return compass::tools::run_program(compass::tools::lab_program(), argc, argv);
}
