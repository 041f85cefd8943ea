// Models from hostile files: every check of the description and of the tensors, and what the identity covers.
#include "model_file/model.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "entropy/scales.h"
#include "model_file/safetensors.h"
#include "model_writer/safetensors_writer.h"
#include "model_writer/stripped_model.h"
#include "model_writer/trellis_model.h"

namespace compass {
namespace {

using nlohmann::json;

const std::string kTiny = std::string(COMPASS_SOURCE_DIR) + "/tests/data/tiny.safetensors";

// The tiny model taken apart, to be changed and put together again.
struct Draft {
  json description;
  std::map<std::string, TensorView, std::less<>> tensors;
  Safetensors file;

  static Draft tiny() {
    auto file = Safetensors::load(kTiny);
    EXPECT_TRUE(file) << file.error().message;
    Draft draft{json::parse(file->metadata().at("compass")), file->tensors(), *file};
    return draft;
  }
  std::map<std::string, std::string> metadata{};  // beside what is always there
  Safetensors more{};                             // where tensors lie that the tiny model does not have
  std::vector<uint8_t> write(const std::string& version = "1") const {
    SafetensorsWriter writer;
    for (const auto& [key, value] : metadata) writer.set_metadata(key, value);
    for (const auto& [name, view] : tensors) writer.add(name, view);  // as they are, NaN included
    writer.set_metadata("format", "compass-model");
    writer.set_metadata("version", version);
    writer.set_metadata("compass", description.dump());
    return writer.finish();
  }
  Result<std::shared_ptr<const Model>> parse() const { return Model::parse(write()); }
};

std::string error_of(const Result<std::shared_ptr<const Model>>& result) {
  return result ? std::string() : result.error().message;
}

TEST(Model, TinyLoads) {
  const auto model = Model::load(kTiny);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->rate_points().size(), 3U);
  EXPECT_FLOAT_EQ((*model)->rate_position(0.0), 0.0F);
  EXPECT_FLOAT_EQ((*model)->rate_position(75.0), 1.5F);
  EXPECT_FLOAT_EQ((*model)->rate_position(1000.0), 2.0F);
  EXPECT_GT((*model)->parameters(), 10'000);
  EXPECT_EQ(to_string((*model)->id()).size(), 16U);
}

TEST(Model, StepsOfATrellisFollowTheQuality) {
  auto file = Safetensors::load(kTiny);
  ASSERT_TRUE(file);
  const LevelCounts none(0.5);
  const auto bytes = with_trellis(*file, {0.5, {30.0, 10.5}}, none, none);
  ASSERT_TRUE(bytes) << bytes.error().message;
  const auto model = Model::parse(*bytes);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_NE((*model)->id(), (*Model::load(kTiny))->id());
  EXPECT_EQ((*model)->latent_tables(CodecKind::kEnhancement).rows(), 128);
  const auto shift = [&](double quality) {
    return (*model)->trellis_shift(CodecKind::kBase, (*model)->rate_position(quality));
  };
  EXPECT_EQ(shift(0.0), 2);
  EXPECT_EQ(shift(10.4), 2);
  EXPECT_EQ(shift(10.5), 1);
  EXPECT_EQ(shift(29.9), 1);
  EXPECT_EQ(shift(30.0), 0);
  EXPECT_EQ(shift(100.0), 0);
  EXPECT_FLOAT_EQ((*model)->trellis_step(CodecKind::kBase, 2.0F), 0.5F);
  // As much coarser as the scales are.
  EXPECT_NEAR((*model)->trellis_step(CodecKind::kBase, 0.0F), 0.5 * kScaleTable[22] / kScaleTable[20], 1e-6);
  const auto back = parse_description((*model)->description().canonical);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->base.trellis->coarser_below, (std::vector<double>{30.0, 10.5}));
}

TEST(Model, BadTrellisesAreRefused) {
  const auto refused = [&](const json& trellis, const std::string& what) {
    Draft draft = Draft::tiny();
    draft.description["base"]["trellis"] = trellis;
    const std::string error = error_of(draft.parse());
    EXPECT_NE(error.find(what), std::string::npos) << error;
  };
  refused({{"step", 0.5}, {"coarser_below", json::array()}}, "base.y.");  // 64 rows are not enough
  refused({{"step", 0.0}, {"coarser_below", json::array()}}, "base.trellis.step");
  refused({{"step", "1"}, {"coarser_below", json::array()}}, "base.trellis.step");
  refused({{"step", 1e9}, {"coarser_below", json::array()}}, "base.trellis.step");
  refused({{"coarser_below", json::array()}}, "base.trellis.step");
  refused({{"step", 0.5}}, "base.trellis.coarser_below");
  refused({{"step", 0.5}, {"coarser_below", {10, 10}}}, "base.trellis.coarser_below");
  refused({{"step", 0.5}, {"coarser_below", {10, 20}}}, "base.trellis.coarser_below");
  refused({{"step", 0.5}, {"coarser_below", {101}}}, "base.trellis.coarser_below");
  refused({{"step", 0.5}, {"coarser_below", {-1}}}, "base.trellis.coarser_below");
  refused({{"step", 0.5}, {"coarser_below", {"x"}}}, "base.trellis.coarser_below");
  refused({{"step", 0.5}, {"coarser_below", std::vector<double>(17, 5.0)}}, "base.trellis.coarser_below");
  refused({{"step", 0.5}, {"coarser_below", json::array()}, {"other", 1}},
          "base.trellis: has a field that is unknown here: 'other'");
  Draft draft = Draft::tiny();
  draft.description["base"]["trellis"] = {{"step", 0.5}, {"coarser_below", json::array()}};
  draft.description["base"].erase("h_scales");
  EXPECT_NE(error_of(draft.parse()).find("base.trellis: needs h_scales"), std::string::npos);
}

TEST(Model, AbsentAndForeignFilesAreRefused) {
  EXPECT_NE(error_of(Model::load("/nonexistent/model")), "");
  SafetensorsWriter writer;
  EXPECT_NE(error_of(Model::parse(writer.finish())).find("compass-model"), std::string::npos);
  EXPECT_NE(error_of(Model::parse(Draft::tiny().write("2"))).find("version"), std::string::npos);
  EXPECT_NE(error_of(Model::parse({})), "");
}

TEST(Model, IdentityCoversWhatDecodingDependsOn) {
  const Draft original = Draft::tiny();
  const auto id = (*original.parse())->id();
  EXPECT_EQ((*Model::load(kTiny))->id(), id);

  Draft other = Draft::tiny();
  other.description["provenance"] = {{"steps", 7}};
  EXPECT_EQ((*other.parse())->id(), id);
  other.description["rules"]["nearest"] = "reference";
  EXPECT_NE((*other.parse())->id(), id);

  std::vector<uint8_t> bytes = original.write();
  bytes[bytes.size() - 1] ^= 1;  // the last tensor's last byte
  const auto changed = Model::parse(bytes);
  EXPECT_TRUE(!changed || (*changed)->id() != id);
}

// What encoders alone read changes the model's id and not its decoder's; everything else changes both.
TEST(Model, DecoderIdLeavesEncodersOut) {
  const Draft original = Draft::tiny();
  const auto model = *original.parse();
  const auto changed = [&](const std::function<void(Draft&)>& change) {
    Draft draft = Draft::tiny();
    change(draft);
    const auto other = draft.parse();
    EXPECT_TRUE(other) << error_of(other);
    if (!other) return false;
    EXPECT_NE((*other)->id(), model->id());
    return (*other)->decoder_id() != model->decoder_id();
  };
  std::vector<std::vector<uint8_t>> kept;  // what changed tensors lie in
  const auto touch = [&](const std::string& name) {
    return changed([&](Draft& draft) {
      TensorView& view = draft.tensors.at(name);
      auto& bytes = kept.emplace_back(view.data.begin(), view.data.end());
      bytes.front() ^= 1;
      view.data = bytes;
    });
  };
  for (const auto& [name, view] : original.tensors) {
    if (name.find(".density.") != std::string::npos || name.ends_with(".length") ||
        name.ends_with(".offset") || name.ends_with(".cdf")) {
      continue;  // those that do not count, and tables, which one changed bit can make wrong
    }
    const bool encoders = name.find(".g_a.") != std::string::npos || name.find(".h_a.") != std::string::npos;
    EXPECT_EQ(touch(name), !encoders) << name;
  }
  EXPECT_FALSE(changed([](Draft& draft) { draft.description["name"] = "other"; }));
  EXPECT_FALSE(changed([](Draft& draft) { draft.description["rate_points"] = {1.0, 2.0, 3.0}; }));
  EXPECT_FALSE(changed([](Draft& draft) { draft.description["base"]["g_a"][1]["act"] = "none"; }));
  EXPECT_TRUE(changed([](Draft& draft) { draft.description["base"]["g_s"][2]["act"] = "relu"; }));
  EXPECT_TRUE(changed([](Draft& draft) { draft.description["rules"]["nearest"] = "reference"; }));
  EXPECT_TRUE(changed([](Draft& draft) { draft.description["liff"]["residual"] = "none"; }) ||
              original.description["liff"].value("residual", "none") == "none");
}

// As docs/model_format.md has it.
TEST(Model, DecoderTextIsSpecified) {
  const auto model = *Draft::tiny().parse();
  const std::string text = base_decoder_text(model->description());
  EXPECT_TRUE(text.starts_with(
      "rules integer own rates 3 codec 3 12 8 integer 2 g_a 4 4 2 2 g_s rate_gain 12 12 1 1 1 1 0 0 none "
      "subpel 12 8 1 1 1 2 0 0 none res 8 8 3 1 1 1 4 0 leaky_relu "))
      << text;
  EXPECT_NE(text.find("h_a 2 2 2 2 h_s subpel "), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("int_conv 4 12 3 1 1 2 0 63 none ")) << text;
  const std::string upper = upper_decoder_text(model->description());
  EXPECT_TRUE(upper.starts_with("codec 3 12 8 integer ")) << upper;
  EXPECT_NE(upper.find(" none liff "), std::string::npos) << upper;
  Draft single = Draft::tiny();
  single.description.erase("enhancement");
  single.description.erase("liff");
  std::erase_if(single.tensors, [](const auto& tensor) { return !is_base_tensor(tensor.first); });
  const auto one_layer = single.parse();
  ASSERT_TRUE(one_layer) << error_of(one_layer);
  EXPECT_EQ(base_decoder_text((*one_layer)->description()), text);
  EXPECT_EQ(upper_decoder_text((*one_layer)->description()), "");
  EXPECT_EQ((*one_layer)->decoder_id(), model->decoder_ids().base);
}

// The tiny model with a factorised prior in its base codec: without z and the hyperprior's networks, and with
// a row of y's tables for each channel.
Draft factorised_draft() {
  Draft draft = Draft::tiny();
  json& base = draft.description["base"];
  for (const char* key : {"hyper_channels", "h_a", "h_s", "h_scales"}) base.erase(key);
  base["prior"] = "factorised";
  base["quantise"] = "medians";
  std::erase_if(draft.tensors, [](const auto& tensor) {
    return tensor.first.starts_with("base.h_") || tensor.first.starts_with("base.z.") ||
           tensor.first.starts_with("base.y.");
  });
  constexpr int64_t kM = 12;
  std::vector<int32_t> cdf;
  for (int64_t c = 0; c < kM; ++c) cdf.insert(cdf.end(), {0, 20000 + static_cast<int32_t>(c), 65000, 65536});
  SafetensorsWriter writer;
  writer.add_integers("base.y.cdf", {kM, 4}, cdf);
  writer.add_integers("base.y.length", {kM}, std::vector<int32_t>(kM, 4));
  writer.add_integers("base.y.offset", {kM}, std::vector<int32_t>(kM, -1));
  writer.add_floats("base.y.median", {kM}, std::vector<float>(kM, 0.5F));
  draft.more = *Safetensors::parse(writer.finish());
  for (const auto& [name, view] : draft.more.tensors()) draft.tensors[name] = view;
  return draft;
}

TEST(Model, FactorisedPriorsHaveARowForEachChannel) {
  const Draft draft = factorised_draft();
  const auto model = draft.parse();
  ASSERT_TRUE(model) << error_of(model);
  const CodecDescription& codec = (*model)->codec(CodecKind::kBase);
  EXPECT_TRUE(codec.factorised());
  EXPECT_EQ(codec.hyper_channels, 0);
  EXPECT_TRUE(codec.h_a.empty() && codec.h_s.empty() && codec.h_scales.empty());
  EXPECT_EQ((*model)->hyper_tables(CodecKind::kBase).rows(), 0);
  const CdfTables& tables = (*model)->latent_tables(CodecKind::kBase);
  ASSERT_EQ(tables.rows(), 13);
  for (int c = 0; c < 12; ++c) EXPECT_EQ(tables.row(1 + c).cdf[1], 20000U + static_cast<uint32_t>(c));
  EXPECT_EQ((*model)->weights(CodecKind::kBase).medians, std::vector<float>(12, 0.5F));
  // Another decoder than the hyperprior's, and the description comes back as it was.
  EXPECT_NE((*model)->decoder_ids().base, (*Model::load(kTiny))->decoder_ids().base);
  EXPECT_EQ((*model)->decoder_ids().upper, (*Model::load(kTiny))->decoder_ids().upper);
  EXPECT_TRUE(base_decoder_text((*model)->description()).ends_with(" factorised "));
  const auto back = parse_description(to_json((*model)->description()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_TRUE(back->base.factorised());
}

TEST(Model, MixturesOfPriorsAreRefusedByName) {
  const auto refused = [&](const std::string& what, const std::function<void(json&)>& change) {
    Draft draft = factorised_draft();
    change(draft.description["base"]);
    const std::string error = error_of(draft.parse());
    EXPECT_NE(error.find(what), std::string::npos) << error;
  };
  const json tiny = Draft::tiny().description["base"];
  for (const char* key : {"h_a", "h_s", "h_scales", "hyper_channels"}) {
    refused(std::string("base.") + key + ": a codec with a factorised prior has none",
            [&](json& base) { base[key] = tiny[key]; });
  }
  refused("base.trellis: a codec with a factorised prior has none", [](json& base) {
    base["trellis"] = {{"step", 0.5}, {"coarser_below", json::array()}};
  });
  refused("base.prior", [](json& base) { base["prior"] = "hyper"; });
  refused("base.hyper_channels: is missing", [](json& base) { base.erase("prior"); });
  refused("base.latent_channels", [](json& base) { base["latent_channels"] = 256; });
  refused("'base.y.median' is not part of its description", [](json& base) { base["quantise"] = "integer"; });
  Draft draft = factorised_draft();
  draft.tensors["base.z.cdf"] = draft.tensors["base.y.cdf"];
  EXPECT_NE(error_of(draft.parse()).find("'base.z.cdf' is not part of its description"), std::string::npos);
  // A hyperprior's 64 rows are not these.
  draft = factorised_draft();
  const Draft tiny_draft = Draft::tiny();
  draft.tensors["base.y.length"] = tiny_draft.tensors.at("base.y.length");
  EXPECT_NE(error_of(draft.parse()).find("base.y.length"), std::string::npos);
}

// A decoder's parts change the id each, and files of parts are the whole's.
TEST(Model, DecodersComeWithoutEncoders) {
  const auto file = *Safetensors::load(kTiny);
  const auto whole = *Model::load(kTiny);
  EXPECT_EQ(whole->parts(), ModelParts::kAll);
  const std::vector<uint8_t> decoder = stripped(file, *whole, false);
  const std::vector<uint8_t> base = stripped(file, *whole, true);
  EXPECT_LT(base.size(), decoder.size());
  for (const auto& [bytes, parts] :
       {std::pair(decoder, ModelParts::kDecoder), std::pair(base, ModelParts::kBaseDecoder)}) {
    const auto model = Model::parse(bytes);
    ASSERT_TRUE(model) << error_of(model);
    EXPECT_EQ((*model)->parts(), parts);
    EXPECT_EQ((*model)->layered(), parts == ModelParts::kDecoder);
    EXPECT_EQ((*model)->decoder_id(), whole->decoder_id());
    EXPECT_NE((*model)->id(), whole->id());
    const auto again = *Safetensors::parse(bytes);
    for (const auto& [name, view] : again.tensors()) {
      EXPECT_FALSE(is_encoder_tensor(name) || is_density_tensor(name)) << name;
      EXPECT_TRUE(parts == ModelParts::kDecoder || is_base_tensor(name)) << name;
    }
    EXPECT_EQ(stripped(again, **model, false), bytes);
    EXPECT_EQ(stripped(again, **model, true), base);
  }
}

TEST(Model, PiecesMakeADecoderAndAWholeModel) {
  const auto file = *Safetensors::load(kTiny);
  const auto whole = *Model::load(kTiny);
  // The tensors of both, under the second one's metadata.
  const auto joined = [](const std::vector<uint8_t>& first, const std::vector<uint8_t>& second) {
    const auto base = *Safetensors::parse(first);
    const auto rest = *Safetensors::parse(second);
    SafetensorsWriter writer;
    for (const auto& [key, value] : rest.metadata()) writer.set_metadata(key, value);
    for (const auto& [name, view] : base.tensors()) writer.add(name, view);
    for (const auto& [name, view] : rest.tensors()) writer.add(name, view);
    return writer.finish();
  };
  const std::vector<uint8_t> base = stripped(file, *whole, true);
  const std::vector<uint8_t> decoder = joined(base, stripped_upper(file, *whole));
  EXPECT_EQ(decoder, stripped(file, *whole, false));
  const auto again = Model::parse(joined(decoder, stripped_encoder(file, *whole)));
  ASSERT_TRUE(again) << error_of(again);
  EXPECT_EQ((*again)->parts(), ModelParts::kAll);
  EXPECT_EQ((*again)->id(), whole->id());

  EXPECT_TRUE(stripped_upper(*Safetensors::parse(base), **Model::parse(base)).empty());
  EXPECT_TRUE(stripped_encoder(*Safetensors::parse(decoder), **Model::parse(decoder)).empty());
}

// For decoding alone a whole file is what a decoder's file is, but for its id.
TEST(Model, WhatOnlyEncodersNeedCanStayInTheFile) {
  const auto whole = *Model::load(kTiny);
  const auto decoder = *Model::load(kTiny, ModelUse::kDecoding);
  EXPECT_EQ(decoder->parts(), ModelParts::kDecoder);
  EXPECT_EQ(decoder->id(), whole->id());
  EXPECT_EQ(decoder->decoder_id(), whole->decoder_id());
  const auto weights = [](const Model& model, const auto& network) {
    size_t sum = 0;
    for (const nn::OpWeights& w : network(model.weights(CodecKind::kEnhancement))) sum += w.weight.size();
    return sum;
  };
  const auto g_a = [](const CodecWeights& w) { return w.g_a; };
  const auto g_s = [](const CodecWeights& w) { return w.g_s; };
  EXPECT_GT(weights(*whole, g_a), 0U);
  EXPECT_EQ(weights(*decoder, g_a), 0U);
  EXPECT_EQ(weights(*decoder, g_s), weights(*whole, g_s));
}

TEST(Model, PartsThatDoNotFitAreRefused) {
  const auto refused = [](const std::map<std::string, std::string>& metadata, const std::string& what) {
    Draft draft = Draft::tiny();
    draft.metadata = metadata;
    const std::string message = error_of(draft.parse());
    EXPECT_NE(message.find(what), std::string::npos) << message;
  };
  refused({{"parts", "half"}}, "half");
  refused({{"parts", "decoder"}}, "base.g_a.1.bias' is not part of its description");
  refused({{"parts", "base decoder"}, {"upper", "0123456789abcdef"}}, "describes more layers");

  const auto file = *Safetensors::load(kTiny);
  const auto base = *Safetensors::parse(stripped(file, **Model::load(kTiny), true));
  for (const std::string upper :
       {"", "0123456789abcde", "0123456789abcdeg", "0123456789abcdef0", "+123456789abcdef"}) {
    SafetensorsWriter writer;
    for (const auto& [name, view] : base.tensors()) writer.add(name, view);
    for (const auto& [key, value] : base.metadata()) writer.set_metadata(key, value);
    writer.set_metadata("upper", upper);
    EXPECT_NE(error_of(Model::parse(writer.finish())).find("upper"), std::string::npos) << upper;
  }
  // All that decoding needs must be there.
  Draft draft = Draft::tiny();
  draft.metadata["parts"] = "decoder";
  std::erase_if(draft.tensors, [](const auto& tensor) { return is_encoder_tensor(tensor.first); });
  EXPECT_TRUE(draft.parse()) << error_of(draft.parse());
  draft.tensors.erase("base.h_s.0.bias");
  EXPECT_NE(error_of(draft.parse()).find("base.h_s.0.bias"), std::string::npos);
  // Without being said, what is missing is missing.
  draft = Draft::tiny();
  draft.tensors.erase("base.g_a.1.bias");
  EXPECT_NE(error_of(draft.parse()).find("base.g_a.1.bias"), std::string::npos);
}

// Applies `change` to the tiny model's description and expects an error that names `place`.
void expect_refused(const std::string& place, const std::function<void(json&)>& change) {
  Draft draft = Draft::tiny();
  change(draft.description);
  const std::string message = error_of(draft.parse());
  EXPECT_NE(message.find(place), std::string::npos) << "\"" << message << "\" does not name " << place;
}

TEST(Model, HostileDescriptionsAreRefused) {
  expect_refused("name", [](json& d) { d["name"] = ""; });
  expect_refused("name", [](json& d) { d["name"] = "two words"; });
  expect_refused("name", [](json& d) { d["name"] = std::string(1000, 'x'); });
  expect_refused("rules", [](json& d) { d.erase("rules"); });
  expect_refused("rules.nearest", [](json& d) { d["rules"]["nearest"] = "best"; });
  expect_refused("rules.scale_token", [](json& d) { d["rules"]["scale_token"] = 3; });
  expect_refused("rate_points", [](json& d) { d["rate_points"] = json::array(); });
  expect_refused("rate_points", [](json& d) { d["rate_points"] = {0.1, 0.1}; });
  expect_refused("rate_points", [](json& d) { d["rate_points"] = {-1.0}; });
  expect_refused("rate_points", [](json& d) { d["rate_points"] = std::vector<double>(1000, 1.0); });
  expect_refused("base", [](json& d) { d["base"] = 5; });
  expect_refused("liff", [](json& d) { d.erase("liff"); });
  expect_refused("enhancement", [](json& d) { d.erase("enhancement"); });
  expect_refused("base.channels", [](json& d) { d["base"]["channels"] = 4; });
  expect_refused("base.latent_channels", [](json& d) { d["base"]["latent_channels"] = 1 << 30; });
  expect_refused("base.latent_channels", [](json& d) { d["base"]["latent_channels"] = 1e300; });
  expect_refused("base.quantise", [](json& d) { d["base"].erase("quantise"); });
  expect_refused("base.g_a", [](json& d) { d["base"]["g_a"] = json::array(); });
  expect_refused("base.g_a", [](json& d) { d["base"]["g_a"] = json::array_t(5000, d["base"]["g_a"][3]); });
  expect_refused("base.g_a.0", [](json& d) { d["base"]["g_a"][0] = "conv"; });
  expect_refused("base.g_a.0.op", [](json& d) { d["base"]["g_a"][0]["op"] = "\x1b[31mevil"; });
  expect_refused("base.g_a.0.factor", [](json& d) { d["base"]["g_a"][0]["factor"] = 0; });
  expect_refused("base.g_a.1.kernel", [](json& d) { d["base"]["g_a"][1]["kernel"] = 2; });
  expect_refused("base.g_a.1.kernel", [](json& d) { d["base"]["g_a"][1]["kernel"] = 4001; });
  expect_refused("base.g_a.1.in", [](json& d) { d["base"]["g_a"][1].erase("in"); });
  expect_refused("base.g_a.1", [](json& d) { d["base"]["g_a"][1]["in"] = 47; });
  expect_refused("base.g_a.2.stride", [](json& d) { d["base"]["g_a"][2]["stride"] = 3; });
  expect_refused("base.g_a.2.align", [](json& d) { d["base"]["g_a"][2]["align"] = 3; });
  expect_refused("base.g_a.3.act", [](json& d) { d["base"]["g_a"][3]["act"] = "gelu"; });
  expect_refused("base.g_a.5.act", [](json& d) { d["base"]["g_a"][5]["act"] = "relu"; });
  expect_refused("base.g_a", [](json& d) { d["base"]["latent_channels"] = 13; });
  expect_refused("its top level: has a field that is unknown here: 'liaf'", [](json& d) { d["liaf"] = 1; });
  expect_refused("rules: has a field that is unknown here: 'nearst'",
                 [](json& d) { d["rules"]["nearst"] = 1; });
  expect_refused("base: has a field that is unknown here: 'Filter'",
                 [](json& d) { d["base"]["Filter"] = 1; });
  expect_refused("base.g_a.1: has a field that is unknown here: 'kernl'",
                 [](json& d) { d["base"]["g_a"][1]["kernl"] = 3; });
  expect_refused("base.g_a.0: has a field that is unknown here: 'kernel'",
                 [](json& d) { d["base"]["g_a"][0]["kernel"] = 3; });  // of other ops
  expect_refused("liff: has a field that is unknown here: 'evil?[31m'",
                 [](json& d) { d["liff"]["evil\x1b[31m"] = 1; });
  expect_refused("base.g_a.1.in: is missing; there is 'act', 'align', 'inn'", [](json& d) {
    d["base"]["g_a"][1]["inn"] = 3;
    d["base"]["g_a"][1].erase("in");
  });
  expect_refused("base.g_s", [](json& d) { d["base"]["g_a"][2]["stride"] = 1; });  // no longer mirrors
  expect_refused("base.g_s.0", [](json& d) { d["base"]["g_s"][0] = {{"op", "unshuffle"}, {"factor", 2}}; });
  expect_refused("base.g_s.1", [](json& d) {
    d["base"]["g_s"][1] = {{"op", "condition"}, {"factor", 8}, {"in", 3}, {"out", 12}};
  });
  expect_refused("enhancement.g_a.2.factor", [](json& d) { d["enhancement"]["g_a"][2]["factor"] = 8; });
  expect_refused("base.h_scales.0", [](json& d) { d["base"]["h_scales"][0]["op"] = "subpel"; });
  expect_refused("base.h_scales.1.limit", [](json& d) { d["base"]["h_scales"][1]["limit"] = 62; });
  expect_refused("base.h_scales.0.limit", [](json& d) { d["base"]["h_scales"][0]["limit"] = 256; });
  expect_refused("base.h_s.0", [](json& d) { d["base"]["h_s"][0]["op"] = "int_conv"; });
  expect_refused("liff.hidden", [](json& d) { d["liff"]["hidden"] = json::array(); });
  expect_refused("liff.hidden.1", [](json& d) { d["liff"]["hidden"][1] = 0; });
  expect_refused("liff.blocks", [](json& d) { d["liff"]["blocks"] = 1000000; });
  expect_refused("liff.unfold", [](json& d) { d["liff"]["unfold"] = 2; });
  expect_refused("liff.unfold", [](json& d) { d["liff"]["unfold"] = 5; });
  expect_refused("liff.mlp.", [](json& d) { d["liff"]["unfold"] = 1; });  // its layers are for 3
  expect_refused("liff.kind", [](json& d) { d["liff"]["kind"] = "bicubic"; });
  expect_refused("liff.mlp.", [](json& d) { d["liff"]["kind"] = "liif"; });  // its last layer makes 3
  expect_refused("liff.residual", [](json& d) { d["liff"]["residual"] = "lanczos"; });
  expect_refused("JSON", [](json& d) { d = json::array(); });
  expect_refused("JSON", [](json& d) {
    json deep = 1;
    for (int i = 0; i < 100; ++i) deep = json::array({deep});
    d["provenance"] = deep;
  });
  expect_refused("1 MiB", [](json& d) { d["provenance"] = std::string(2 << 20, 'x'); });
}

TEST(Model, HostileTensorsAreRefused) {
  const auto refused = [](const std::string& name, const std::function<void(Draft&)>& change) {
    Draft draft = Draft::tiny();
    change(draft);
    const std::string message = error_of(draft.parse());
    EXPECT_NE(message.find(name), std::string::npos) << "\"" << message << "\" does not name " << name;
  };
  refused("base.g_a.1.weight", [](Draft& d) { d.tensors.erase("base.g_a.1.weight"); });
  refused("stranger", [](Draft& d) { d.tensors["stranger"] = d.tensors["base.g_a.1.bias"]; });
  refused("base.g_a.1.weight",
          [](Draft& d) { d.tensors["base.g_a.1.weight"] = d.tensors["base.g_a.1.bias"]; });
  refused("base.g_a.1.bias", [](Draft& d) { d.tensors["base.g_a.1.bias"] = d.tensors["base.z.length"]; });
  refused("liff.mlp.0.weight",
          [](Draft& d) { d.tensors["liff.mlp.0.weight"] = d.tensors["liff.mlp.1.weight"]; });
  refused("base.filter", [](Draft& d) { d.description["base"]["filter"] = {{"directions", 3}}; });
  refused("base.y.cdf", [](Draft& d) { d.tensors["base.y.length"] = d.tensors["base.y.offset"]; });
  refused("base.z.cdf", [](Draft& d) { d.tensors["base.z.length"] = d.tensors["base.z.offset"]; });

  // Values out of range.
  std::vector<uint8_t> nan;
  refused("base.g_a.1.bias", [&](Draft& d) {
    TensorView& view = d.tensors["base.g_a.1.bias"];
    view.dtype = DType::kF32;
    nan.assign(view.shape[0] * 4, 0xFF);
    view.data = nan;
  });
  std::vector<uint8_t> shifts;
  refused("base.h_scales.0.shift", [&](Draft& d) {
    TensorView& view = d.tensors["base.h_scales.0.shift"];
    shifts.assign(view.data.begin(), view.data.end());
    shifts[0] = 25;
    view.data = shifts;
  });
  std::vector<uint8_t> biases;
  // Integers whose magnitude an int32 does not hold: of weights, biases and shifts.
  for (const char* part : {"weight", "bias", "shift"}) {
    const std::string name = std::string("base.h_scales.0.") + part;
    for (const int32_t extreme : {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()}) {
      std::vector<int32_t> values;
      refused(part == std::string("bias") ? "2^24" : name, [&](Draft& d) {
        TensorView& view = d.tensors[name];
        values.assign(static_cast<size_t>(view.elements()), 0);
        values.back() = extreme;
        view.dtype = DType::kI32;
        view.data = {reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(int32_t)};
      });
    }
  }
  refused("2^24", [&](Draft& d) {
    TensorView& view = d.tensors["base.h_scales.1.bias"];
    biases.assign(view.data.begin(), view.data.end());
    biases[3] = 0x7F;  // about 2^31
    view.data = biases;
  });
}

TEST(Model, KernelsMayBeKeptInSteps) {
  const std::string name = "base.g_a.1.weight";
  Draft draft = Draft::tiny();
  const auto plain = draft.parse();
  ASSERT_TRUE(plain);
  const TensorView kernel = draft.tensors.at(name);
  SafetensorsWriter writer;
  writer.add_scaled(name, kernel.shape, *kernel.floats());
  const auto scaled = Safetensors::parse(writer.finish());
  ASSERT_TRUE(scaled);
  for (const auto& [key, view] : scaled->tensors()) draft.tensors[key] = view;
  const auto model = draft.parse();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->parameters(), (*plain)->parameters());
  EXPECT_NE((*model)->id(), (*plain)->id());
  const auto have = (*model)->weights(CodecKind::kBase).g_a[1].weight.floats();
  const auto want = (*plain)->weights(CodecKind::kBase).g_a[1].weight.floats();
  ASSERT_EQ(have.size(), want.size());
  for (size_t i = 0; i < have.size(); ++i) ASSERT_NEAR(have[i], want[i], 0.05F) << i;

  // Scales without conv weights to scale are strangers, and so are those of integers that are what they are.
  Draft odd = Draft::tiny();
  odd.tensors[name + ".step"] = scaled->tensors().at(name + ".step");
  EXPECT_NE(error_of(odd.parse()).find("not part of its description"), std::string::npos);
  Draft whole = Draft::tiny();
  whole.tensors["base.h_scales.0.weight.step"] = scaled->tensors().at(name + ".step");
  EXPECT_NE(error_of(whole.parse()).find("not part of its description"), std::string::npos);
}

}  // namespace
}  // namespace compass
