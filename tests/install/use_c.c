/* Encodes and decodes a small picture through the installed C interface. argv[1]: a model. */
#include <compass/compass.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, error.message); \
      exit(1);                                                                  \
    }                                                                           \
  } while (0)

int main(int argc, char** argv) {
  enum { kWidth = 37, kHeight = 21, kStride = 3 * kWidth + 5 };
  compass_error error = {""};
  compass_model* model = NULL;
  compass_encoder* encoder = NULL;
  compass_decoder* decoder = NULL;
  compass_bytes file;
  compass_info info;
  compass_picture picture;
  compass_decode_settings settings;
  static uint8_t rgb[kStride * kHeight];
  CHECK(argc == 2);
  for (size_t i = 0; i < sizeof rgb; ++i) rgb[i] = (uint8_t)(i % 251);

  CHECK(compass_model_load("no such model", &model, &error) != COMPASS_OK && error.message[0] != '\0');
  CHECK(compass_model_load(argv[1], &model, &error) == COMPASS_OK);
  CHECK(strlen(compass_model_name(model)) > 0);
  CHECK(compass_encoder_create(model, NULL, &encoder, &error) == COMPASS_OK);
  CHECK(compass_decoder_create(model, NULL, &decoder, &error) == COMPASS_OK);
  compass_model_free(model); /* the encoder and the decoder keep their share */

  CHECK(compass_encode(encoder, rgb, kWidth, kHeight, kWidth, NULL, &file, &error) == COMPASS_USAGE);
  CHECK(compass_encode(encoder, rgb, kWidth, kHeight, kStride, NULL, &file, &error) == COMPASS_OK);
  CHECK(compass_read_info(file.data, file.size, &info, &error) == COMPASS_OK);
  CHECK(info.layer_count == 3);
  CHECK(info.layers[2].width == kWidth && info.layers[2].height == kHeight && info.layers[2].end == file.size);

  CHECK(compass_decode(decoder, file.data, file.size, NULL, &picture, &error) == COMPASS_OK);
  CHECK(picture.width == kWidth && picture.height == kHeight && picture.layer == 2);
  compass_picture_free(&picture);

  /* A prefix: the layer asked for needs no more; the top layer is damaged, and a smaller one is given. */
  compass_decode_settings_init(&settings);
  settings.layer = 0;
  CHECK(compass_decode(decoder, file.data, info.layers[0].end, &settings, &picture, &error) == COMPASS_OK);
  CHECK(picture.width == 9 && picture.height == 5);
  compass_picture_free(&picture);
  CHECK(compass_decode(decoder, file.data, info.layers[1].end, NULL, &picture, &error) == COMPASS_DAMAGED);
  CHECK(picture.rgb != NULL && picture.layer == 1);
  compass_picture_free(&picture);
  settings.layer = -1;
  settings.strict = 1;
  CHECK(compass_decode(decoder, file.data, info.layers[1].end, &settings, &picture, &error) == COMPASS_DAMAGED);
  CHECK(picture.rgb == NULL);

  compass_bytes_free(&file);
  compass_encoder_free(encoder);
  compass_decoder_free(decoder);
  printf("compass %s: fine\n", compass_version());
  return 0;
}
