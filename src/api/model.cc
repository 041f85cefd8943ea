// Models.
#include "api/internal.h"

using namespace compass::api;

namespace {

compass_status model_result(compass::Result<std::shared_ptr<const compass::Model>> model, compass_model** out,
                            compass_error* error) {
  if (!model) return fail(model.error(), error);
  *out = new compass_model{*std::move(model)};
  return COMPASS_OK;
}

compass_status load(const char* path, compass::ModelUse use, compass_model** model, compass_error* error) {
  if (model == nullptr) return missing("model must not be NULL", error);
  *model = nullptr;
  if (path == nullptr) return missing("path must not be NULL", error);
  return guarded(error, [&] { return model_result(compass::Model::load(path, use), model, error); });
}

}  // namespace

compass_status compass_model_load(const char* path, compass_model** model, compass_error* error) {
  return load(path, compass::ModelUse::kAny, model, error);
}

compass_status compass_model_load_decoder(const char* path, compass_model** model, compass_error* error) {
  return load(path, compass::ModelUse::kDecoding, model, error);
}

compass_status compass_model_parse(const uint8_t* data, size_t size, compass_model** model,
                                   compass_error* error) {
  if (model == nullptr) return missing("model must not be NULL", error);
  *model = nullptr;
  if (data == nullptr) return missing("data must not be NULL", error);
  return guarded(error, [&] {
    return model_result(compass::Model::parse({data, data + size}), model, error);
  });
}

const char* compass_model_name(const compass_model* model) {
  return model == nullptr ? nullptr : model->model->name().c_str();
}

void compass_model_id(const compass_model* model, uint8_t id[8]) {
  if (id == nullptr) return;
  const compass::ModelId bytes = model == nullptr ? compass::ModelId{} : model->model->id();
  std::copy(bytes.begin(), bytes.end(), id);
}

void compass_model_decoder_id(const compass_model* model, uint8_t id[8]) {
  if (id == nullptr) return;
  const compass::DecoderId bytes = model == nullptr ? compass::DecoderId{} : model->model->decoder_id();
  std::copy(bytes.begin(), bytes.end(), id);
}

compass_model_parts compass_model_holds(const compass_model* model) {
  if (model == nullptr) return COMPASS_WHOLE_MODEL;
  switch (model->model->parts()) {
    case compass::ModelParts::kDecoder:
      return COMPASS_DECODER;
    case compass::ModelParts::kBaseDecoder:
      return COMPASS_BASE_DECODER;
    case compass::ModelParts::kAll:
      break;
  }
  return COMPASS_WHOLE_MODEL;
}

void compass_model_free(compass_model* model) {
  delete model;
}
