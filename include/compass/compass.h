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
 * Show the layers of a file one after the other, as its bytes arrive:
 *
 *     compass_reader* reader = NULL;
 *     compass_layer layer;
 *     compass_output output;
 *     compass_layer_init(&layer);
 *     compass_output_init(&output);
 *     compass_reader_create(decoder, NULL, &reader, &error);
 *     while ((size = receive(buffer, sizeof buffer)) > 0) {
 *       compass_reader_push(reader, buffer, size, &error);
 *       while (compass_reader_ready(reader) >= 0) {
 *         compass_reader_next(reader, &layer, &error);
 *         output.pixels = frame_buffer(layer.width, layer.height, &output.size);
 *         if (compass_reader_next_layer(reader, &output, &layer, &error) == COMPASS_OK) show(output.pixels);
 *       }
 *     }
 *     compass_reader_free(reader);
 *
 * Pixels are sRGB, red, green, blue, of 8 or 16 bits, rows from the top; alpha is a plane of its own, and colours are
 * not multiplied by it. Where it is 0 they are of no meaning: lay a picture that has alpha over a background.
 *
 * Ownership is stated at each function. In general: what a function creates, the caller frees with the function
 * named there; what is passed in stays the caller's and is not kept, except that encoders and decoders share in
 * their model and their threads, and readers in their decoder, all of which may be freed before them.
 *
 * Threads: a model may be used from any number of threads at once; an encoder, or a decoder with all its readers, from
 * one at a time. Different encoders and decoders are independent. Nothing here is global, and nothing of the program's is
 * changed: neither its locale nor how many threads its own OpenMP loops take.
 *
 * Callbacks run on the thread that made the call, and must neither throw nor call into the encoder, decoder or reader
 * that they serve.
 *
 * Memory comes from the C library. There is no hook to take it from elsewhere: oneDNN, in which most of it lies while a
 * picture is coded, allocates for itself. `max_memory` bounds it all.
 *
 * Errors: functions return COMPASS_OK or the kind of failure, and describe it in `*error`. No C++ exception
 * crosses this interface; running out of memory is COMPASS_NO_MEMORY, from whichever function. After any failure
 * encoders, decoders, readers and models can be used again, and nothing is left running.
 *
 * Stability: structs begin with no hidden state and grow only at the end, behind `struct_size`, which the init
 * functions fill in. Zero-initialise nothing by hand: call them. A struct whose `struct_size` cannot be right, such as 0,
 * is refused with COMPASS_USAGE.
 */
#ifndef COMPASS_COMPASS_H
#define COMPASS_COMPASS_H

/* The version of this header; compass_version() tells that of the library. */
#define COMPASS_VERSION_MAJOR 0
#define COMPASS_VERSION_MINOR 1
#define COMPASS_VERSION_PATCH 0
/* To be compared with, such as #if COMPASS_VERSION_NUMBER >= 0x000100 for 0.1.0. */
#define COMPASS_VERSION_NUMBER (COMPASS_VERSION_MAJOR << 16 | COMPASS_VERSION_MINOR << 8 | COMPASS_VERSION_PATCH)

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

/* Outcomes. Those up to 6 are also the `compass` command's exit codes. */
typedef enum compass_status {
  COMPASS_OK = 0,
  COMPASS_FAILURE = 1,  /* anything without a better name */
  COMPASS_USAGE = 2,    /* an argument makes no sense */
  COMPASS_BAD_FILE = 3, /* the bytes are not a .cmps file, or break a limit */
  COMPASS_DAMAGED = 4,  /* truncated or damaged; a smaller picture may have been decoded: see compass_decode */
  COMPASS_MODEL = 5,    /* the model is unreadable, not the one the file was made with, or lacks what is needed */
  COMPASS_IO = 6,       /* a file cannot be read */
  COMPASS_NEED = 7,      /* more of the file's bytes must arrive first */
  COMPASS_CANCELLED = 8, /* the caller's progress callback said so */
  COMPASS_END = 9,       /* there are no more layers */
  COMPASS_NO_MEMORY = 10 /* memory ran out */
} compass_status;

/* Why a call failed: one line, ending in a NUL, cut if need be. Wherever a `compass_error*` is asked for, NULL will
 * do. Set only by calls that do not return COMPASS_OK. */
typedef struct compass_error {
  char message[512];
} compass_error;

/* The library's version, such as "0.1.0", and as a COMPASS_VERSION_NUMBER. Static: not to be freed. */
COMPASS_API const char* compass_version(void);
COMPASS_API int compass_version_number(void);

/* Told now and then how far a call is: `done` rises from 0 to 1. It returns 0 to go on; anything else ends the call with
 * COMPASS_CANCELLED, after some tenths of a second at most: it is asked after every tile of a picture. */
typedef int (*compass_progress)(void* user, double done);

/* ---- Models ---------------------------------------------------------------------------------------------- */

/* The networks' weights and tables, immutable. A file is decoded with the model that made it. */
typedef struct compass_model compass_model;

/* Reads a model file. On success `*model` is the caller's: compass_model_free. Errors: COMPASS_IO (the file cannot be
 * read), COMPASS_MODEL (it is no model). */
COMPASS_API compass_status compass_model_load(const char* path, compass_model** model, compass_error* error);
/* The same for decoding alone: what only encoders need is left in the file, about half of the memory. */
COMPASS_API compass_status compass_model_load_decoder(const char* path, compass_model** model, compass_error* error);

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

/* What a model file holds of its model: files can be made smaller by what is not needed. */
typedef enum compass_model_parts {
  COMPASS_WHOLE_MODEL = 0,
  COMPASS_DECODER = 1,     /* nothing can be encoded */
  COMPASS_BASE_DECODER = 2 /* of that, what the smallest layers take: no other can be decoded */
} compass_model_parts;

/* COMPASS_WHOLE_MODEL for no model. */
COMPASS_API compass_model_parts compass_model_holds(const compass_model* model);

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

/* Worker threads that several encoders and decoders share. The workers help one of them at a time, the others go on with
 * the thread that called them: there are never more threads at work than these and the callers. */
typedef struct compass_threads compass_threads;

/* `count` is 1 to COMPASS_MAX_THREADS, a caller's included; 0: one per core. On success `*threads` is the caller's:
 * compass_threads_free. Error: COMPASS_USAGE. */
COMPASS_API compass_status compass_threads_create(int count, compass_threads** threads, compass_error* error);
COMPASS_API void compass_threads_free(compass_threads* threads);

typedef struct compass_options {
  size_t struct_size;
  int threads;                 /* 1 to COMPASS_MAX_THREADS; 0: one per core (default). Where the system lets fewer start,
                                  fewer do the work: results do not depend on their number */
  compass_precision precision; /* default: COMPASS_AUTO */
  uint64_t max_pixels;         /* a picture with more is refused before memory is allocated; default 400 million */
  uint64_t max_memory;         /* bytes to keep to, roughly, pictures handed out included; 0: no limit (default) */
  const compass_threads* shared_threads; /* to run on, instead of `threads` of its own; NULL (default) */
} compass_options;

/* Fills in the defaults. This and the other init functions do nothing with NULL. */
COMPASS_API void compass_options_init(compass_options* options);

/* ---- Encoding -------------------------------------------------------------------------------------------- */

/* No file has more layers, nor more pieces of metadata. */
#define COMPASS_MAX_LAYERS 255
#define COMPASS_MAX_METADATA 64
/* The most rounds of search. */
#define COMPASS_MAX_EFFORT 40
/* From this quality of the largest layer on, the shipped model "lite-hq" takes fewer bits than "lite", and reaches higher
 * PSNR. `compass encode` and Python choose by it; here the caller does. */
#define COMPASS_HIGH_QUALITY 62.5
/* By how much the quality of a part may differ from the layer's, up or down. */
#define COMPASS_MAX_QUALITY_OFFSET 100

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

/* What a layer is to take or to be. Of all qualities the best one that takes no more is found, and comes within two
 * percent unless quality 100 takes less; for a PSNR, one that gives no less and at most 0.05 dB more. */
typedef enum compass_target_kind {
  COMPASS_TARGET_BYTES = 0, /* of the file up to the layer's end */
  COMPASS_TARGET_BPP = 1,   /* the same in bits for each pixel of the layer */
  COMPASS_TARGET_PSNR = 2   /* dB, over red, green and blue, against the picture at the layer's size */
} compass_target_kind;

typedef struct compass_target {
  compass_target_kind kind;
  double value; /* above 0 */
} compass_target;

/* A part of the picture, in pixels of its full size, that is to be better (`offset` above 0) or worse than the rest, by
 * so many steps of quality. Told apart are squares of 64x64 pixels of each layer: a better part takes all that it touches,
 * a worse one those that it covers. Where parts overlap the best one counts. */
typedef struct compass_quality_region {
  int x;
  int y;
  int width;
  int height;
  int offset; /* within COMPASS_MAX_QUALITY_OFFSET of 0 */
} compass_quality_region;

/* How an encoding went, beside what its header says (compass_read_info). */
typedef struct compass_encode_report {
  size_t struct_size;
  int effort; /* rounds of search that were spent */
  int layer_count;
  double psnr[COMPASS_MAX_LAYERS]; /* dB, over red, green and blue, against the picture at each layer's size; infinite if
                                      nothing was lost; NaN for layers that were not measured */
} compass_encode_report;

COMPASS_API void compass_encode_report_init(compass_encode_report* report);

/* What bits are spent for. */
typedef enum compass_tune {
  COMPASS_TUNE_ERROR = 0, /* the least squared error */
  COMPASS_TUNE_VISUAL = 1 /* what is seen: calm parts are coded better and busy ones worse. For models with several rates */
} compass_tune;

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
  compass_progress progress;        /* NULL (default): nobody wants to know */
  void* progress_user;              /* for `progress` */
  const compass_target* targets;    /* instead of `quality`, which is only where the search begins. One for each layer,
                                       from the smallest on, each layer being coded for the one below as it was found;
                                       or one, for the largest, and all layers have the same quality. Not for models with
                                       a single rate. Read during the call only. NULL (default): none */
  size_t target_count;              /* 0 if `targets` is NULL */
  const double* qualities;          /* one for each layer, instead of `quality`, whatever that is for. Read during the
                                       call only. NULL (default): `quality` for all */
  size_t quality_count;             /* 0 if `qualities` is NULL */
  const compass_quality_region* regions; /* parts that are to be better or worse. Not for models with a single rate. Read
                                       during the call only. NULL (default): none */
  size_t region_count;              /* 0 if `regions` is NULL */
  const uint8_t* quality_map; /* the same by a grey picture of any size, laid over the whole: 0 is 100 steps worse, 128 no
                                 change, 255 100 steps better. Not with `regions`. Read during the call only. NULL
                                 (default): none */
  compass_size quality_map_size;
  size_t quality_map_stride;  /* bytes from row to row, at least the map's width */
  int measure;                /* not 0: measure each layer's PSNR, which costs decoding the largest one. Default 0 */
  compass_encode_report* report; /* filled in on success; NULL (default): nobody wants to know */
  compass_tune tune;             /* adds to `regions` and `quality_map`; default: COMPASS_TUNE_ERROR */
} compass_encode_settings;

/* 2 rounds, or none for pictures above 16 megapixels and for models that cannot be searched with. */
enum { COMPASS_EFFORT_DEFAULT = -1 };

COMPASS_API void compass_encode_settings_init(compass_encode_settings* settings);

/* The sizes of layers that are these parts of the full size, from above 0 to 1, smallest first, the last one 1: each side
 * times the scale, rounded down, and 1 at least. Writes `count` of them. Error: COMPASS_USAGE. */
COMPASS_API compass_status compass_sizes_from_scales(compass_size full, const double* scales, size_t count,
                                                     compass_size* sizes, compass_error* error);

/* Bytes that the library allocated. */
typedef struct compass_bytes {
  uint8_t* data;
  size_t size;
} compass_bytes;

/* Frees the data and clears the struct. */
COMPASS_API void compass_bytes_free(compass_bytes* bytes);

typedef struct compass_encoder compass_encoder;

/* `options` may be NULL: the defaults. On success `*encoder` is the caller's: compass_encoder_free. Errors: COMPASS_MODEL
 * (the model holds only what decoding needs), COMPASS_USAGE. */
COMPASS_API compass_status compass_encoder_create(const compass_model* model, const compass_options* options,
                                                  compass_encoder** encoder, compass_error* error);
COMPASS_API void compass_encoder_free(compass_encoder* encoder);

/* Encodes a picture. `rgb` holds `height` rows of 3 * width bytes, each `stride` bytes after the one before. `settings`
 * may be NULL: the defaults. On success `*file` is the caller's: compass_bytes_free; on failure it is empty.
 * Errors: COMPASS_USAGE (sizes that shrink, or do not end in the picture's; quality or effort out of range; a
 * stride below 3 * width; a target that no quality reaches), COMPASS_BAD_FILE (over a limit), COMPASS_MODEL (it holds only
 * what decoding needs), COMPASS_CANCELLED. */
COMPASS_API compass_status compass_encode(compass_encoder* encoder, const uint8_t* rgb, int width, int height,
                                          size_t stride, const compass_encode_settings* settings,
                                          compass_bytes* file, compass_error* error);

/* The same of 16 bits a sample, 0 to 65535: `height` rows of 3 * width samples. `stride` is in bytes, and even. */
COMPASS_API compass_status compass_encode16(compass_encoder* encoder, const uint16_t* rgb, int width, int height,
                                            size_t stride, const compass_encode_settings* settings,
                                            compass_bytes* file, compass_error* error);

/* The file with its first `layers` layers, all as they are, and its metadata. `data` needs to hold no more of the file
 * than those. On success `*file` is the caller's: compass_bytes_free. Errors: COMPASS_USAGE (the file has fewer layers),
 * COMPASS_BAD_FILE, COMPASS_DAMAGED (what is to be kept is not whole). */
COMPASS_API compass_status compass_extract(const uint8_t* data, size_t size, int layers, compass_bytes* file,
                                           compass_error* error);

/* Adds a layer to a file: a picture of the same scene, no smaller than the largest layer on either side. It is
 * predicted from what that decodes to. All that the file holds stays byte for byte, but for the header, whose table
 * grows; metadata stays the file's, and what kind of picture it is: one without alpha takes none, one with it 255
 * where there is none, a grey one COMPASS_GREY, one of its own colours COMPASS_OWN_COLOURS. The encoder's model must
 * be that of the file. Of `settings`, which may be NULL, `sizes` and `metadata` must be NULL, and `targets` hold one
 * at most. `rgb` and the rest are as for compass_encode. On success `*file` is the caller's: compass_bytes_free; on
 * failure it is empty. Errors: COMPASS_USAGE (the picture is smaller, or of another kind), COMPASS_MODEL,
 * COMPASS_BAD_FILE, COMPASS_DAMAGED (any of the file), and compass_encode's. */
COMPASS_API compass_status compass_append(compass_encoder* encoder, const uint8_t* data, size_t size, const uint8_t* rgb,
                                          int width, int height, size_t stride, const compass_encode_settings* settings,
                                          compass_bytes* file, compass_error* error);
/* The same of 16 bits a sample, as compass_encode16. */
COMPASS_API compass_status compass_append16(compass_encoder* encoder, const uint8_t* data, size_t size,
                                            const uint16_t* rgb, int width, int height, size_t stride,
                                            const compass_encode_settings* settings, compass_bytes* file,
                                            compass_error* error);

/* ---- Looking into a file --------------------------------------------------------------------------------- */

typedef struct compass_layer_info {
  int width;
  int height;
  double quality;  /* that the layer was encoded with, 0 to 100 */
  uint64_t offset; /* where its own bytes begin in the file: they end at `end`, where the next layer's begin */
  uint64_t end;    /* the file's first `end` bytes are all that this layer and those below it need */
} compass_layer_info;

typedef struct compass_metadata_info {
  uint32_t type; /* a compass_metadata_type, or another number */
  uint64_t size;
} compass_metadata_info;

typedef struct compass_info {
  uint8_t decoder_id[8]; /* compass_model_decoder_id of the models that decode the file */
  int minor_version;    /* of the format; this library reads version 1 with any minor number */
  int kinds;            /* COMPASS_ALPHA and so on */
  uint64_t need;        /* if the header is not whole yet: how many of the file's first bytes to come back with; else 0 */
  int layer_count;
  compass_layer_info layers[COMPASS_MAX_LAYERS]; /* smallest first */
  uint64_t header_bytes; /* metadata lies between them and the first layer */
  int metadata_count;
  compass_metadata_info metadata[COMPASS_MAX_METADATA]; /* in the file's order */
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
  compass_progress progress; /* NULL (default): nobody wants to know */
  void* progress_user;       /* for `progress` */
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
 * another model), COMPASS_USAGE (a layer, size or region the file does not have), COMPASS_CANCELLED. */
COMPASS_API compass_status compass_decode(compass_decoder* decoder, const uint8_t* data, size_t size,
                                          const compass_decode_settings* settings, compass_picture* picture,
                                          compass_error* error);

/* Where a file can be read from at any place. */
typedef struct compass_source {
  size_t struct_size;
  /* Fills `data` with the `size` bytes from `offset` on; returns how many: fewer only at the end, below 0 if reading
   * failed (COMPASS_IO). */
  int64_t (*read)(void* user, uint64_t offset, uint8_t* data, size_t size);
  void* user; /* for `read` */
} compass_source;

COMPASS_API void compass_source_init(compass_source* source);

/* The same of a file that is read as its bytes are needed: forward only, no byte twice and none past the wanted layer's
 * end, so that a pipe will do. Of large layers a region takes a part. `source` is not kept. Error: also COMPASS_IO. */
COMPASS_API compass_status compass_decode_source(compass_decoder* decoder, const compass_source* source,
                                                 const compass_decode_settings* settings, compass_picture* picture,
                                                 compass_error* error);

/* What the decoder's last compass_decode or compass_decode_source found lost or damaged, line by line, `line` being 0, 1
 * and so on: what error->message has in one. NULL after the last one. Valid until the next of those calls; not to be
 * freed. */
COMPASS_API const char* compass_decoder_damage(const compass_decoder* decoder, size_t line);

/* ---- Reading while bytes arrive, layer by layer ----------------------------------------------------------- */

/* A file on its way. It says what it needs, and gives the layers that are there, each decoded from what is kept of the
 * one below. Pixels are compass_decode's, to the bit. Metadata is not read unless asked for. */
typedef struct compass_reader compass_reader;

/* With a `source`, which is copied and whose `user` must outlive the reader, bytes are read as they are needed; without
 * one (NULL), they are pushed. On success `*reader` is the caller's: compass_reader_free. It runs on `decoder`, which may
 * have any number of readers and may be freed before them: making one costs next to nothing. Error: COMPASS_USAGE. */
COMPASS_API compass_status compass_reader_create(const compass_decoder* decoder, const compass_source* source,
                                                 compass_reader** reader, compass_error* error);
COMPASS_API void compass_reader_free(compass_reader* reader);

/* The next `size` bytes of the file, and bytes from any place of it. They are copied; those that are there already stay
 * as they are. compass_reader_push goes on where the last push of either kind ended. Error: COMPASS_USAGE (the reader has
 * a source, or the end was said). */
COMPASS_API compass_status compass_reader_push(compass_reader* reader, const uint8_t* data, size_t size,
                                               compass_error* error);
COMPASS_API compass_status compass_reader_push_at(compass_reader* reader, uint64_t offset, const uint8_t* data, size_t size,
                                                  compass_error* error);
/* No more bytes will come. What is missing counts as damage from now on, where it was COMPASS_NEED before. */
COMPASS_API compass_status compass_reader_end(compass_reader* reader, compass_error* error);

/* After COMPASS_NEED: how many of the file's first bytes would do. */
COMPASS_API uint64_t compass_reader_need(const compass_reader* reader);

/* What the header says, as compass_read_info does. Errors: COMPASS_NEED, COMPASS_BAD_FILE, COMPASS_IO. */
COMPASS_API compass_status compass_reader_info(compass_reader* reader, compass_info* info, compass_error* error);

/* Metadata of one type, as compass_read_metadata gives it. Errors: COMPASS_NEED, COMPASS_BAD_FILE, COMPASS_DAMAGED,
 * COMPASS_IO. */
COMPASS_API compass_status compass_reader_metadata(compass_reader* reader, uint32_t type, compass_bytes* bytes,
                                                   compass_error* error);

/* How many of the file's first bytes decoding with these settings takes. `settings` may be NULL: the defaults. Errors:
 * those of compass_reader_select, COMPASS_NEED (the header; for a region, also the index at the start of each large
 * layer). */
COMPASS_API compass_status compass_reader_bytes_for(compass_reader* reader, const compass_decode_settings* settings,
                                                    uint64_t* bytes, compass_error* error);

/* Bytes of a file: `size` of them from `offset` on. */
typedef struct compass_range {
  uint64_t offset;
  uint64_t size;
} compass_range;

/* Which bytes that takes beside the header, sorted, those that touch made one. Of large layers a region takes a part.
 * `*count` is set to how many ranges there are, of which the first `capacity` are written to `ranges`, which may be NULL
 * if `capacity` is 0. Errors: as compass_reader_bytes_for, with the index of each large layer needed whatever is asked
 * for; COMPASS_DAMAGED (an index). */
COMPASS_API compass_status compass_reader_ranges(compass_reader* reader, const compass_decode_settings* settings,
                                                 compass_range* ranges, size_t capacity, size_t* count,
                                                 compass_error* error);

/* What is wanted, from the smallest layer on again. A new reader wants all layers, whole. `settings` may be NULL:
 * that. `layer` is the last one that is given out; `bits` is of no meaning, as outputs have their own. A region is one
 * of that layer; of those below, the smallest part that covers the same part of the picture is. With a size, up to the
 * smallest layer that holds it every layer is brought to it. Bytes stay. Errors: COMPASS_USAGE (also a layer, size or
 * region that the file does not have; before the header is there, by a later call). */
COMPASS_API compass_status compass_reader_select(compass_reader* reader, const compass_decode_settings* settings,
                                                 compass_error* error);

/* A layer that a reader gives out. */
typedef struct compass_layer {
  size_t struct_size;
  int layer;
  int width; /* of the picture */
  int height;
  int x; /* where it lies in the layer: 0, 0 unless a region was asked for */
  int y;
  int is_last; /* not 0: no more is asked for */
  int decoded; /* not 0: its pixels were given out */
  int kinds;   /* COMPASS_ALPHA and so on */
} compass_layer;

COMPASS_API void compass_layer_init(compass_layer* layer);

/* What compass_reader_next_layer will give: for a caller to make room for it. `decoded` is 0. Errors: COMPASS_END,
 * COMPASS_NEED (the header), and all of compass_decode's but COMPASS_DAMAGED. */
COMPASS_API compass_status compass_reader_next(compass_reader* reader, compass_layer* layer, compass_error* error);

/* The layer whose bytes are all there, so that compass_reader_next_layer does something about it; -1 if it would only say
 * COMPASS_NEED or COMPASS_END. Where it can but fail, such as for another model's file: 0. */
COMPASS_API int compass_reader_ready(compass_reader* reader);

typedef enum compass_format {
  COMPASS_RGB = 0,         /* 3 bytes a pixel */
  COMPASS_RGBA = 1,        /* 4 bytes, the last one alpha: 255 where the picture has none, as RGBX wants it */
  COMPASS_BGRA = 2,        /* the same, blue first */
  COMPASS_RGB16 = 3,       /* 3 numbers of 16 bits a pixel, 0 to 65535 */
  COMPASS_RGBA16 = 4,      /* 4 of them, the last alpha */
  COMPASS_PLANAR_FLOAT = 5 /* a plane of floats for red, one for green, one for blue; nominally 0 to 1, not clamped */
} compass_format;

/* Gets `count` rows of a picture from row y on, from the top down. `pixels` is the library's, and good during the call.
 * It returns 0 to go on; anything else ends the decoding with COMPASS_CANCELLED. */
typedef int (*compass_rows)(void* user, int y, int count, const void* pixels, size_t stride, size_t plane_stride);

/* Where pixels go: to memory of the caller's, or, for pictures that should not be held whole, some hundred rows at a time
 * to a callback. */
typedef struct compass_output {
  size_t struct_size;
  compass_format format; /* default: COMPASS_RGB */
  void* pixels;          /* the caller's; NULL (default) with `rows`. Samples lie at multiples of their size */
  size_t size;           /* bytes at `pixels` */
  size_t stride;         /* bytes from row to row; 0 (default): rows without gaps */
  size_t plane_stride;   /* bytes from plane to plane; 0 (default): planes without gaps */
  compass_rows rows;     /* NULL (default) with `pixels` */
  void* rows_user;       /* for `rows` */
} compass_output;

COMPASS_API void compass_output_init(compass_output* output);

/* Decodes the next layer. `output` may be NULL: then it is passed over, and only kept for the next. `layer`, which may be
 * NULL, is set as by compass_reader_next; what was given out of it, too, if blocks of it were damaged and are as predicted
 * from the layer below (COMPASS_DAMAGED with `decoded`). Errors: COMPASS_NEED, COMPASS_END, COMPASS_DAMAGED (the layer is
 * lost and with it those above), COMPASS_USAGE (no room for it), COMPASS_CANCELLED, COMPASS_IO, and compass_decode's. After
 * any but COMPASS_DAMAGED the call can be made again; what it had written to `output` is undefined. */
COMPASS_API compass_status compass_reader_next_layer(compass_reader* reader, const compass_output* output,
                                                     compass_layer* layer, compass_error* error);

#ifdef __cplusplus
}
#endif

#endif /* COMPASS_COMPASS_H */
