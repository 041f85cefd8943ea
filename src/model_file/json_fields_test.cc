// Fields of documents that people write: what is taken out, and what is said about the rest.
#include "model_file/json_fields.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <limits>

namespace compass {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 2> kColours{"red", "blue"};

// The problem that reading leaves behind; empty if there is none.
std::string problem(const std::function<void(FieldReader&)>& read) {
  FieldReader r;
  read(r);
  return r.problem();
}

TEST(FieldReader, TakesWhatIsThere) {
  const json in = {{"n", 7}, {"x", 0.5}, {"t", "text"}, {"l", {"a", "b"}}, {"c", "blue"}, {"o", {{"n", 1}}}};
  FieldReader r;
  EXPECT_EQ(r.integer(in, "", "n", 0, 9), 7);
  EXPECT_EQ(r.number(in, "", "x", 0.0, 1.0), 0.5);
  EXPECT_EQ(r.number(in, "", "n", 0.0, 9.0), 7.0);
  EXPECT_EQ(r.text(in, "", "t"), "text");
  EXPECT_EQ(r.texts(in, "", "l"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(r.choice(in, "", "c", kColours), 1U);
  EXPECT_EQ(r.integer(r.object(in, "", "o"), "o.", "n", 0, 9), 1);
  r.refuse_unread(in);
  EXPECT_TRUE(r.ok()) << r.problem();
}

TEST(FieldReader, AbsentFieldsHaveTheirFallbacks) {
  const json in = json::object();
  FieldReader r;
  EXPECT_EQ(r.integer(in, "", "n", 0, 9, 3), 3);
  EXPECT_EQ(r.number(in, "", "x", 0.0, 1.0, 0.25), 0.25);
  EXPECT_EQ(r.text(in, "", "t", "none"), "none");
  EXPECT_TRUE(r.texts(in, "", "l").empty());
  EXPECT_EQ(r.choice(in, "", "c", kColours, "red"), 0U);
  EXPECT_EQ(r.anything(in, "", "a"), nullptr);
  r.refuse_unread(in);
  EXPECT_TRUE(r.ok()) << r.problem();
}

TEST(FieldReader, RequiredFieldsAreMissedBesideWhatIsThere) {
  const json in = {{"stpes", 1}};
  for (const std::string& said : {problem([&](FieldReader& r) { r.integer(in, "s.", "steps", 0, 9); }),
                                  problem([&](FieldReader& r) { r.number(in, "s.", "steps", 0.0, 9.0); }),
                                  problem([&](FieldReader& r) { r.text(in, "s.", "steps"); }),
                                  problem([&](FieldReader& r) { r.texts(in, "s.", "steps", true); }),
                                  problem([&](FieldReader& r) { r.choice(in, "s.", "steps", kColours); }),
                                  problem([&](FieldReader& r) { r.object(in, "s.", "steps"); }),
                                  problem([&](FieldReader& r) { r.array(in, "s.", "steps"); })}) {
    EXPECT_EQ(said, "s.steps: is missing; there is 'stpes'");
  }
  EXPECT_EQ(problem([&](FieldReader& r) { r.text(json::object(), "", "name"); }), "name: is missing");
}

TEST(FieldReader, WrongTypesAndValuesAreNamed) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const json& wrong : {json("7"), json(7.5), json(-1), json(10), json(1e300), json(nullptr), json(true),
                            json(uint64_t{1} << 63), json::array({7})}) {
    EXPECT_EQ(problem([&](FieldReader& r) {
                r.integer({{"n", wrong}}, "", "n", 0, 9);
              }),
              "n: must be a whole number in 0..9");
  }
  for (const json& wrong : {json("1"), json(-0.1), json(1.1), json(nan), json(nullptr), json(true)}) {
    EXPECT_EQ(problem([&](FieldReader& r) {
                r.number({{"x", wrong}}, "", "x", 0.0, 1.0);
              }),
              "x: must be a number in 0..1");
  }
  EXPECT_EQ(problem([](FieldReader& r) { r.text({{"t", 1}}, "", "t"); }), "t: must be a text");
  EXPECT_EQ(problem([](FieldReader& r) { r.texts({{"t", "a"}}, "", "t"); }), "t: needs a list");
  EXPECT_EQ(problem([](FieldReader& r) {
              r.texts({{"t", json::array({"a", 1})}}, "", "t");
            }),
            "t: must list texts");
  EXPECT_EQ(problem([](FieldReader& r) {
              r.choice({{"c", "gr\x1b"}}, "", "c", kColours);
            }),
            "c: is 'gr?', not one of red, blue");
  EXPECT_EQ(problem([](FieldReader& r) { r.choice({{"c", 1}}, "", "c", kColours); }), "c: must be a text");
  EXPECT_EQ(problem([](FieldReader& r) { r.object({{"o", 1}}, "", "o"); }), "o: needs an object");
  EXPECT_EQ(problem([](FieldReader& r) { r.array({{"a", 1}}, "", "a"); }), "a: needs a list");
}

TEST(FieldReader, NamesTheFieldThatNobodyAskedForAtAnyDepth) {
  const auto unread = [](const json& document) {
    return problem([&](FieldReader& r) {
      const json& list = r.array(document, "", "list");
      for (size_t i = 0; i < list.size(); ++i)
        r.integer(list[i], "list." + std::to_string(i) + ".", "n", 0, 9);
      r.anything(document, "", "free");
      r.refuse_unread(document);
    });
  };
  EXPECT_EQ(unread({{"list", {{{"n", 1}}, {{"n", 2}}}}, {"free", {{"whatever", {{"it", "is"}}}}}}), "");
  EXPECT_EQ(unread({{"list", json::array()}, {"lisst", 1}}),
            "its top level: has a field that is unknown here: 'lisst'");
  EXPECT_EQ(unread({{"list", {{{"n", 1}}, {{"n", 2}, {"m", 3}}}}}),
            "list.1: has a field that is unknown here: 'm'");
  // The first problem stays.
  EXPECT_EQ(unread({{"list", {{{"n", 11}, {"m", 3}}}}}), "list.0.n: must be a whole number in 0..9");
}

}  // namespace
}  // namespace compass
