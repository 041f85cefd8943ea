// What the process returns.
#pragma once

#include "core/result.h"

namespace compass::tools {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,  // anything without a better name
  kExitUsage = 2,    // the command line is wrong
  kExitBadFile = 3,  // the input is not what it claims to be, or breaks a limit
  kExitDamaged = 4,  // truncated or damaged input; what could be decoded was written
  kExitModel = 5,    // the model is missing, or is not the one the file was made with
  kExitIo = 6,       // reading or writing failed
};

constexpr ExitCode exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
      return kExitUsage;
    case ErrorCode::kBadFile:
      return kExitBadFile;
    case ErrorCode::kDamaged:
      return kExitDamaged;
    case ErrorCode::kModel:
      return kExitModel;
    case ErrorCode::kIo:
      return kExitIo;
    case ErrorCode::kFailure:
    case ErrorCode::kNeed:  // no command asks for these
    case ErrorCode::kCancelled:
      break;
  }
  return kExitFailure;
}

}  // namespace compass::tools
