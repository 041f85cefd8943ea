/* compass: one photo, one file, every size. The C interface of libcompass.
 *
 * Decode the top layer of a .cmps file that is in memory:
 *
 *     compass_error error;
 *     compass_model* model = NULL;
 *     compass_decoder* decoder = NULL;
 *     compass_picture picture;
 *     if (compass_model_load("lite.safetensors", &model, &error) != COMPASS_OK ||
 *         compass_decoder_create(model, NULL, &decoder, &error) != COMPASS_OK ||
 *         compass_decode(decoder, data, size, NULL, &picture, &error) != COMPASS_OK) {
 *       fprintf(stderr, "%s\n", error.message);
 *       exit(1);
 *     }
 *     use(picture.rgb, picture.width, picture.height);
 *     compass_picture_free(&picture);
 *     compass_decoder_free(decoder);
 *     compass_model_free(model);
 *
 * Encode three layers, at a quarter, a half and the whole of the size:
 *
 *     compass_encoder* encoder = NULL;
 *     compass_bytes file;
 *     compass_encoder_create(model, NULL, &encoder, &error);
 *     compass_encode(encoder, rgb, width, height, 3 * width, NULL, &file, &error);
 *     fwrite(file.data, 1, file.size, out);
 *     compass_bytes_free(&file);
 *     compass_encoder_free(encoder);
 *
 * Pixels are sRGB, red, green, blue, of 8 or 16 bits, rows from the top; alpha is a plane of its own, and colours are
 * not multiplied by it. Where it is 0 they are of no meaning: lay a picture that has alpha over a background.
 *
 * Ownership is stated at each function. In general: what a function creates, the caller frees with the function
 * named there; what is passed in stays the caller's and is not kept, except that encoders and decoders share in
 * their model, which may be freed before them.
 *
 * Threads: a model may be used from any number of threads at once; an encoder or a decoder from one at a time.
 * Different encoders and decoders are independent. Nothing here is global.
 *
 * Errors: functions return COMPASS_OK or the kind of failure, and describe it in `*error`. No C++ exception
 * crosses this interface; running out of memory is COMPASS_FAILURE. After any failure encoders, decoders and models can
 * be used again.
 *
 * Stability: structs begin with no hidden state and grow only at the end, behind `struct_size`, which the init
 * functions fill in. Zero-initialise nothing by hand: call them. A struct whose `struct_size` cannot be right, such as 0,
 * is refused with COMPASS_USAGE.
 */
#ifndef COMPASS_COMPASS_H
#define COMPASS_COMPASS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define COMPASS_API __attribute__((visibility("default")))
#else
#define COMPASS_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Outcomes. The numbers are also the `compass` command's exit codes. */
typedef enum compass_status {
  COMPASS_OK = 0,
  COMPASS_FAILURE = 1,  /* anything without a better name */
  COMPASS_USAGE = 2,    /* an argument makes no sense */
  COMPASS_BAD_FILE = 3, /* the bytes are not a .cmps file, or break a limit */
  COMPASS_DAMAGED = 4,  /* truncated or damaged; a smaller picture may have been decoded: see compass_decode */
  COMPASS_MODEL = 5,    /* the model is unreadable, or not the one the file was made with */
  COMPASS_IO = 6        /* a file cannot be read */
} compass_status;

/* Why a call failed: one line, ending in a NUL, cut if need be. Wherever a `compass_error*` is asked for, NULL will
 * do. Set only by calls that do not return COMPASS_OK. */
typedef struct compass_error {
  char message[512];
} compass_error;

/* The library's version, such as "0.1.0". Static: not to be freed. */
COMPASS_API const char* compass_version(void);

/* ---- Models ---------------------------------------------------------------------------------------------- */

/* The networks' weights and tables, immutable. A file is decoded with the model that made it. */
typedef struct compass_model compass_model;

/* Reads a model file. On success `*model` is the caller's: compass_model_free. Errors: COMPASS_IO (the file cannot be
 * read), COMPASS_MODEL (it is no model). */
COMPASS_API compass_status compass_model_load(const char* path, compass_model** model, compass_error* error);

/* The same from `size` bytes in memory, which are copied. */
COMPASS_API compass_status compass_model_parse(const uint8_t* data, size_t size, compass_model** model,
                                               compass_error* error);

/* The model's name, such as "lite". Valid as long as the model; not to be freed. NULL for no model. */
COMPASS_API const char* compass_model_name(const compass_model* model);

/* The model's identity: two models with the same id are the same. All zeros for no model. */
COMPASS_API void compass_model_id(const compass_model* model, uint8_t id[8]);

/* The identity of those parts of a model that decoding needs, which files name: models with the same one decode the same
 * files, whatever their encoders are. All zeros for no model. */
COMPASS_API void compass_model_decoder_id(const compass_model* model, uint8_t id[8]);

/* NULL is allowed. */
COMPASS_API void compass_model_free(compass_model* model);

/* ---- Options --------------------------------------------------------------------------------------------- */

typedef enum compass_precision {
  COMPASS_AUTO = 0, /* what the processor is fastest at */
  COMPASS_F32 = 1,  /* rounded as the processor likes: pixels may differ by one from machine to machine */
  COMPASS_BF16 = 2,
  COMPASS_EXACT = 3 /* f32 in a fixed order: the same pixels on every machine */
} compass_precision;

/* No encoder or decoder runs on more threads. */
#define COMPASS_MAX_THREADS 256

typedef struct compass_options {
  size_t struct_size;
  int threads;                 /* 1 to COMPASS_MAX_THREADS; 0: one per core (default). Where the system lets fewer start,
                                  fewer do the work: results do not depend on their number */
  compass_precision precision; /* default: COMPASS_AUTO */
  uint64_t max_pixels;         /* a picture with more is refused before memory is allocated; default 400 million */
  uint64_t max_memory;         /* bytes to keep to, roughly, pictures handed out included; 0: no limit (default) */
} compass_options;

/* Fills in the defaults. This and the other init functions do nothing with NULL. */
COMPASS_API void compass_options_init(compass_options* options);

/* ---- Encoding -------------------------------------------------------------------------------------------- */

/* No file has more layers. */
#define COMPASS_MAX_LAYERS 255

typedef struct compass_size {
  int width;
  int height;
} compass_size;

/* What a file carries about its picture and decoding does not need. Other types than these are kept, too. */
typedef enum compass_metadata_type {
  COMPASS_ICC = 1,  /* the original's colour profile; the pixels in a file are sRGB, but see COMPASS_OWN_COLOURS */
  COMPASS_EXIF = 2, /* from its TIFF header on; whatever it says, the pixels are upright */
  COMPASS_XMP = 3,  /* UTF-8 */
  COMPASS_IPTC = 4  /* records (IIM) */
} compass_metadata_type;

typedef struct compass_metadata {
  uint32_t type; /* a compass_metadata_type, or another number */
  const uint8_t* data;
  size_t size;
} compass_metadata;

/* What a picture is beside three colours of 8 bits in sRGB: a sum of these. */
enum {
  COMPASS_ALPHA = 1,      /* it has a plane of alpha */
  COMPASS_GREY = 2,       /* the three colours of every pixel are the same */
  COMPASS_DEEP = 4,       /* the original's samples have more than 8 bits */
  COMPASS_OWN_COLOURS = 8 /* pixels are in the colour space of the file's COMPASS_ICC, not in sRGB */
};

typedef struct compass_encode_settings {
  size_t struct_size;
  double quality;            /* 0 to 100; default 50. A model with a single rate ignores it */
  const compass_size* sizes; /* the layers, smallest first; the last must be the picture's own size. Read during
                                the call only. NULL (default): a quarter, a half and the whole of the size */
  size_t size_count; /* 1 to COMPASS_MAX_LAYERS; 0 if `sizes` is NULL */
  int effort; /* rounds of search for symbols that take fewer bits, 0 to 40, or COMPASS_EFFORT_DEFAULT (default) */
  const compass_metadata* metadata; /* to be carried along, in this order. Read during the call only. NULL (default): none */
  size_t metadata_count;            /* 0 to 64, one of each type; 0 if `metadata` is NULL */
  const uint8_t* alpha; /* 0 for transparent, 255 for opaque: the picture's height rows of width bytes; kept without
                           loss. NULL (default): the picture is opaque. Read during the call only */
  size_t alpha_stride;  /* bytes from row to row, at least the width; 0 if `alpha` is NULL */
  int kinds; /* COMPASS_GREY, COMPASS_OWN_COLOURS (the profile is among `metadata`), both, or 0 (default) */
} compass_encode_settings;

/* 2 rounds, or none for pictures above 16 megapixels and for models that cannot be searched with. */
enum { COMPASS_EFFORT_DEFAULT = -1 };

COMPASS_API void compass_encode_settings_init(compass_encode_settings* settings);

/* Bytes that the library allocated. */
typedef struct compass_bytes {
  uint8_t* data;
  size_t size;
} compass_bytes;

/* Frees the data and clears the struct. */
COMPASS_API void compass_bytes_free(compass_bytes* bytes);

typedef struct compass_encoder compass_encoder;

/* `options` may be NULL: the defaults. On success `*encoder` is the caller's: compass_encoder_free. */
COMPASS_API compass_status compass_encoder_create(const compass_model* model, const compass_options* options,
                                                  compass_encoder** encoder, compass_error* error);
COMPASS_API void compass_encoder_free(compass_encoder* encoder);

/* Encodes a picture. `rgb` holds `height` rows of 3 * width bytes, each `stride` bytes after the one before. `settings`
 * may be NULL: the defaults. On success `*file` is the caller's: compass_bytes_free; on failure it is empty.
 * Errors: COMPASS_USAGE (sizes that shrink, or do not end in the picture's; quality or effort out of range; a
 * stride below 3 * width), COMPASS_BAD_FILE (over a limit). */
COMPASS_API compass_status compass_encode(compass_encoder* encoder, const uint8_t* rgb, int width, int height,
                                          size_t stride, const compass_encode_settings* settings,
                                          compass_bytes* file, compass_error* error);

/* The same of 16 bits a sample, 0 to 65535: `height` rows of 3 * width samples. `stride` is in bytes, and even. */
COMPASS_API compass_status compass_encode16(compass_encoder* encoder, const uint16_t* rgb, int width, int height,
                                            size_t stride, const compass_encode_settings* settings,
                                            compass_bytes* file, compass_error* error);

/* ---- Looking into a file --------------------------------------------------------------------------------- */

typedef struct compass_layer_info {
  int width;
  int height;
  double quality;  /* that the layer was encoded with, 0 to 100 */
  uint64_t offset; /* where its own bytes begin in the file */
  uint64_t end;    /* the file's first `end` bytes are all that this layer and those below it need */
} compass_layer_info;

typedef struct compass_info {
  uint8_t decoder_id[8]; /* compass_model_decoder_id of the models that decode the file */
  int minor_version;    /* of the format; this library reads version 1 with any minor number */
  int kinds;            /* COMPASS_ALPHA and so on */
  uint64_t need;        /* if the header is not whole yet: how many of the file's first bytes to come back with; else 0 */
  int layer_count;
  compass_layer_info layers[COMPASS_MAX_LAYERS]; /* smallest first */
} compass_info;

/* Reads the header from the file's first `size` bytes; a kilobyte is usually enough, 24 kilobytes always are. Needs no
 * model, and sets no limit to the picture's size. Errors: COMPASS_BAD_FILE, COMPASS_DAMAGED (the header is not whole
 * yet: come back with info->need bytes). */
COMPASS_API compass_status compass_read_info(const uint8_t* data, size_t size, compass_info* info,
                                             compass_error* error);

/* The file's metadata of one type, from its first `size` bytes; those before the first layer are enough. Empty if it has
 * none. On success `*bytes` is the caller's: compass_bytes_free. Errors: COMPASS_BAD_FILE, COMPASS_DAMAGED (cut off or
 * changed). */
COMPASS_API compass_status compass_read_metadata(const uint8_t* data, size_t size, uint32_t type, compass_bytes* bytes,
                                                 compass_error* error);

/* ---- Decoding -------------------------------------------------------------------------------------------- */

typedef struct compass_decode_settings {
  size_t struct_size;
  int layer;        /* 0 is the smallest; -1 (default): the largest, or what `size` asks for */
  compass_size size; /* exactly this size, whatever the layers are: {0, 0} (default) for the layer's own */
  int region_x;     /* only this part of the layer; all four 0 (default): all of it. Not together with `size`. If that */
  int region_y;     /* layer is lost and a lower one decoded instead, the smallest part of it that covers the same part */
  int region_width; /* of the picture */
  int region_height;
  int strict;       /* not 0: damage is an error, and nothing is decoded. Default 0 */
  int bits;         /* of a sample: 8 (default) or 16, whatever the file is */
} compass_decode_settings;

COMPASS_API void compass_decode_settings_init(compass_decode_settings* settings);

/* A picture that the library allocated. */
typedef struct compass_picture {
  uint8_t* rgb; /* height rows of 3 * width bytes without gaps; NULL if 16 bits were asked for */
  int width;
  int height;
  int layer; /* the layer it was made from */
  int x;     /* where it lies in that layer: 0, 0 unless a region was asked for */
  int y;
  uint8_t* alpha;  /* height rows of width bytes without gaps; NULL if the picture is opaque */
  uint16_t* rgb16; /* instead of `rgb`: 3 * width samples a row, 0 to 65535 */
  int kinds;       /* COMPASS_ALPHA and so on */
} compass_picture;

/* Frees the pixels and clears the struct. */
COMPASS_API void compass_picture_free(compass_picture* picture);

typedef struct compass_decoder compass_decoder;

/* `options` may be NULL: the defaults. On success `*decoder` is the caller's: compass_decoder_free. */
COMPASS_API compass_status compass_decoder_create(const compass_model* model, const compass_options* options,
                                                  compass_decoder** decoder, compass_error* error);
COMPASS_API void compass_decoder_free(compass_decoder* decoder);

/* Decodes a file from its first `size` bytes; those up to the wanted layer's end are enough. `settings` may be NULL:
 * the defaults. On success `*picture` is the caller's: compass_picture_free. With COMPASS_DAMAGED a smaller layer may
 * have been decoded: then picture->width is not 0, the picture is the caller's too, and error->message says what was
 * lost. After any other failure the picture is empty. Errors: COMPASS_BAD_FILE, COMPASS_DAMAGED, COMPASS_MODEL (made with
 * another model), COMPASS_USAGE (a layer, size or region the file does not have). */
COMPASS_API compass_status compass_decode(compass_decoder* decoder, const uint8_t* data, size_t size,
                                          const compass_decode_settings* settings, compass_picture* picture,
                                          compass_error* error);

#ifdef __cplusplus
}
#endif

#endif /* COMPASS_COMPASS_H */
