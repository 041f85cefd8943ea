// Answers that several parts of a site give.
#pragma once

#include <span>
#include <string>

#include "core/result.h"
#include "serve/http.h"

namespace compass::tools::serve {

// A path of a site, with slashes.
std::string joined(std::span<const std::string> path);

Answer not_found();

// To a request that is wrong, or for what is not offered.
Answer refused(const Error& error);

// About a file that cannot be shown, which clients cannot help; or not now.
Answer failed(const Error& error);

// Whether a client that has this entity tag need not get the answer again.
bool has_tag(const std::string& if_none_match, const std::string& tag);

// The answer with what lets clients keep it and ask whether it is still the same.
Answer kept_by_clients(const Request& request, Answer answer, const std::string& tag);

}  // namespace compass::tools::serve
