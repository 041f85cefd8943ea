#include "serve/url.h"

#include <gtest/gtest.h>

#include <random>

namespace compass::tools::serve {
namespace {

TEST(Url, IsTakenApart) {
  const auto url = parse_url("/a%20b/%C3%A9.cmps?layer=1&format=webp&x&y=%26");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->path, (std::vector<std::string>{"a b", "\xC3\xA9.cmps"}));
  EXPECT_EQ(*url->find("layer"), "1");
  EXPECT_EQ(*url->find("format"), "webp");
  EXPECT_EQ(*url->find("x"), "");
  EXPECT_EQ(*url->find("y"), "&");
  EXPECT_EQ(url->find("z"), nullptr);
  EXPECT_FALSE(url->is_folder());
  EXPECT_TRUE(parse_url("/")->is_folder());
  EXPECT_TRUE(parse_url("/a/")->is_folder());
  EXPECT_EQ(parse_url("/a/?x=/b#c")->path, (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(parse_url("/iiif/3/a%2Fb")->path.back(), "a/b");
}

TEST(Url, WhatIsNoneIsRefused) {
  using std::string_literals::operator""s;
  for (const std::string& target :
       {""s, "a"s, "http://x/"s, "*"s, "/%"s, "/%4"s, "/%zz"s, "/%00"s, "/a\0b"s, "/?x=%"s, "/?%00=1"s}) {
    EXPECT_FALSE(parse_url(target)) << target;
  }
}

TEST(Url, AnyBytesComeBackAsTheyWere) {
  std::minstd_rand random(1);
  for (int round = 0; round < 300; ++round) {
    std::string text(random() % 20, '\0');
    for (char& c : text) c = static_cast<char>(1 + random() % 255);
    EXPECT_EQ(percent_decoded(percent_encoded(text)), text);
    EXPECT_EQ(percent_decoded(percent_encoded(text, true)), text);
    (void)parse_url('/' + text);
  }
  EXPECT_EQ(percent_encoded("a/b c\xFF"), "a%2Fb%20c%FF");
  EXPECT_EQ(percent_encoded("a/b", true), "a/b");
}

TEST(Url, NamesThatHideNothing) {
  using std::string_literals::operator""s;
  for (const char* name : {"a", "a.cmps", "a..b", "-", "a b"}) EXPECT_TRUE(is_public_name(name)) << name;
  for (const std::string& name : {""s, "."s, ".."s, ".git"s, "a/b"s, "/"s, "a\0b"s}) {
    EXPECT_FALSE(is_public_name(name)) << name;
  }
}

TEST(Url, NothingOfANameIsMarkup) {
  EXPECT_EQ(html_escaped("<a href='x' b=\"&\">\n"), "&lt;a href=&#39;x&#39; b=&quot;&amp;&quot;&gt;?");
}

}  // namespace
}  // namespace compass::tools::serve
