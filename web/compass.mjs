// Decodes .cmps pictures, in browsers and in Node: the same pixels everywhere; with compass-encoder.wasm it encodes, too. Types
// and what they mean are in compass.d.mts; the modules, which do the work, are made by scripts/wasm.sh. Nothing here waits but createDecoder():
// in a page, use worker_decoder.mjs, which has the same functions on another thread.

const statuses = ['ok', 'failure', 'usage', 'bad-file', 'damaged', 'model', 'io', 'need', 'cancelled', 'end'];
const kMaxLayers = 255;
const kAlpha = 1, kGrey = 2, kDeep = 4, kOwnColours = 8;
// What the module may take in all is 2 GB; some is the model's, and some is lost between pieces.
const kMaxMemory = 1.75e9;

export class CompassError extends Error {
  constructor(status, message, need) {
    super(message);
    this.name = 'CompassError';
    this.status = status;
    if (need !== undefined) this.need = need;
  }
}

const inNode = typeof process === 'object' && process.versions?.node !== undefined;

// The bytes of what a caller may give for a file: they themselves, a response, a URL; in Node, also a path.
export async function bytesOf(source) {
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  const name = String(source instanceof Object && 'url' in source ? source.url : source);
  try {
    if (inNode && !/^(https?|data|blob):/.test(name) && !(typeof Response === 'function' && source instanceof Response)) {
      const { readFile } = await import('node:fs/promises');
      return new Uint8Array(await readFile(name.startsWith('file:') ? new URL(name) : name));
    }
    const response = source instanceof Response ? source : await fetch(source);
    if (!response.ok) throw new CompassError('io', `${name}: ${response.status} ${response.statusText}`.trim());
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw error instanceof CompassError ? error : new CompassError('io', `${name}: ${error.message}`);
  }
}

// What gzip made smaller, as it was; other bytes as they are.
export async function unpacked(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export async function moduleOf(source) {
  if (source instanceof WebAssembly.Module) return source;
  const bytes = await bytesOf(source);
  try {
    return await WebAssembly.compile(await unpacked(bytes));
  } catch (error) {
    throw new CompassError('failure', `compass.wasm: ${error.message}`);
  }
}

// A model is optional: info() needs none, and useModel() takes one later.
export async function createDecoder({ wasm = new URL('compass.wasm', import.meta.url), model, maxPixels, maxMemory } = {}) {
  const [module, weights] = await Promise.all([moduleOf(wasm), model === undefined ? undefined : bytesOf(model).then(unpacked)]);
  const decoder = new Decoder(module, { maxPixels, maxMemory });
  if (weights !== undefined) decoder.useModel(weights);
  return decoder;
}

// The settings of decode() and readers as the eight numbers that the module takes, checked as far as those cannot tell.
function settingsOf({ layer, size, region, strict } = {}) {
  const whole = (value, name, least) => {
    if (Number.isInteger(value) && value >= least && value < 2 ** 31) return value;
    throw new CompassError('usage', `${name} ${value} is not a whole number from ${least} on`);
  };
  const numbers = [layer === undefined ? -1 : whole(layer, 'layer', 0), 0, 0, 0, 0, 0, 0, strict ? 1 : 0];
  if (size !== undefined) {
    numbers[1] = whole(size.width, 'size: width', 1);
    numbers[2] = whole(size.height, 'size: height', 1);
  }
  if (region !== undefined) {
    numbers[3] = whole(region.x, 'region: x', 0);
    numbers[4] = whole(region.y, 'region: y', 0);
    numbers[5] = whole(region.width, 'region: width', 1);
    numbers[6] = whole(region.height, 'region: height', 1);
  }
  return numbers;
}

// The settings of encode(), written where the module looks for them.
function writeEncodeSettings(it, { quality = 50, effort, layers = [] } = {}) {
  if (layers.length > kMaxLayers) throw new CompassError('usage', `${layers.length} layers are more than ${kMaxLayers}`);
  const address = it.exports.compass_encode_settings();
  new Float64Array(it.memory, address, 1)[0] = quality;
  const sizes = layers.flatMap(({ width, height }) => [width, height]);
  new Int32Array(it.memory, address + 8, 2 + sizes.length).set([effort ?? -1, layers.length, ...sizes]);
}

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const kindsOf = (kinds) => ({
  alpha: (kinds & kAlpha) !== 0, grey: (kinds & kGrey) !== 0,
  deep: (kinds & kDeep) !== 0, ownColours: (kinds & kOwnColours) !== 0,
});

// The module's instance and what lies in its memory. An instance whose memory ran out is of no use: Decoder makes another.
class Instance {
  constructor(module) {
    this.exports = new WebAssembly.Instance(module, {}).exports;
    this.exports._initialize();
  }

  get memory() {
    return this.exports.memory.buffer;
  }
  text(address) {
    const bytes = new Uint8Array(this.memory, address);
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }
  // Calls use(address, length) with a copy of the bytes.
  lend(bytes, use) {
    const address = this.exports.compass_alloc(Math.max(bytes.length, 1));
    if (address === 0) throw new CompassError('failure', 'out of memory');
    new Uint8Array(this.memory, address, bytes.length).set(bytes);
    const result = use(address, bytes.length);
    this.exports.compass_free(address);
    return result;
  }
  setSettings(options) {
    new Int32Array(this.memory, this.exports.compass_settings(), 8).set(settingsOf(options));
  }
  // What the last call found wrong.
  error(status, need) {
    return new CompassError(statuses[status] ?? 'failure', this.text(this.exports.compass_message()), need);
  }
  check(status) {
    if (status !== 0) throw this.error(status);
  }

  info(status) {
    const address = this.exports.compass_info_result();
    const [need, minorVersion, kinds, count] = new Float64Array(this.memory, address, 4);
    if (status !== 0 && need > 0) {
      const error = this.error(status, need);
      error.status = 'need';
      throw error;
    }
    this.check(status);
    const numbers = new Float64Array(this.memory, address + 40, 5 * count);
    const layers = Array.from({ length: count }, (_, k) => {
      const [width, height, quality, offset, end] = numbers.subarray(5 * k, 5 * k + 5);
      return { width, height, quality, offset, end };
    });
    return { decoderId: hex(new Uint8Array(this.memory, address + 32, 8)), minorVersion, ...kindsOf(kinds), layers };
  }

  // The picture that a call with this outcome made, copied out of the module's memory.
  picture(status) {
    const [rgba, width, height, layer, x, y, kinds, isLast] =
      new Int32Array(this.memory, this.exports.compass_picture(), 8);
    if (width === 0) throw this.error(status);
    const picture = { width, height, layer, x, y, ...kindsOf(kinds), isLast: isLast !== 0 };
    if (rgba !== 0) picture.data = new Uint8ClampedArray(this.memory, rgba >>> 0, 4 * width * height).slice();
    if (status !== 0) picture.damage = this.error(status).message;
    this.exports.compass_picture_free();
    return picture;
  }
}

export class Decoder {
  #module;
  #limits;
  #instance;
  #model;  // its bytes, for another instance

  constructor(module, { maxPixels = 0, maxMemory = kMaxMemory } = {}) {
    this.#module = module;
    this.#limits = [maxPixels, Math.min(maxMemory, kMaxMemory)];
    this.#instance = new Instance(module);
  }

  useModel(bytes) {
    this.#model = undefined;
    this.run((it) => this.#load(it, bytes));
    this.#model = bytes;
  }

  get version() {
    return this.#instance.text(this.#instance.exports.compass_version());
  }
  get hasModel() {
    return this.#model !== undefined;
  }
  get canEncode() {
    return this.#instance.exports.compass_encode !== undefined;
  }
  get modelName() {
    return this.hasModel ? this.run((it) => it.text(it.exports.compass_model_name())) : undefined;
  }
  get decoderId() {
    return this.hasModel
      ? this.run((it) => hex(new Uint8Array(it.memory, it.exports.compass_model_decoder_id(), 8))) : undefined;
  }
  // Bytes that the module's memory takes now; it does not shrink.
  get memory() {
    return this.#instance.memory.byteLength;
  }

  info(bytes) {
    return this.run((it) => it.info(it.lend(bytes, (...at) => it.exports.compass_info(...at))));
  }

  decode(bytes, options) {
    this.#needModel();
    return this.run((it) => {
      it.setSettings(options);
      return it.picture(it.lend(bytes, (...at) => it.exports.compass_decode(...at)));
    });
  }

  // A file of a picture, {width, height, data} as ImageData is.
  encode({ width, height, data }, options) {
    this.#needModel();
    if (!this.canEncode) throw new CompassError('usage', 'this module has no encoder: compass-encoder.wasm has one');
    const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
    if (!whole || data.length !== 4 * width * height) {
      throw new CompassError('usage', `${data.length} samples are no picture of ${width}x${height} pixels`);
    }
    return this.run((it) => {
      writeEncodeSettings(it, options);
      const pixels = it.exports.compass_alloc(data.length);
      if (pixels === 0) throw new CompassError('failure', 'out of memory');
      new Uint8Array(it.memory, pixels, data.length).set(data);
      it.check(it.exports.compass_encode(pixels, width, height));  // and gives them back
      const [address, size] = new Uint32Array(it.memory, it.exports.compass_encoded(), 2);
      const file = new Uint8Array(it.memory, address, size).slice();
      it.exports.compass_encoded_free();
      return file;
    });
  }

  open() {
    this.#needModel();
    return this.run((it) => new Reader(this, it, it.exports.compass_reader_create()));
  }

  // Runs `work` on the instance, `owner` if that is given: one that has been replaced meanwhile is refused. For Reader.
  run(work, owner = this.#instance) {
    if (owner !== this.#instance) throw new CompassError('failure', 'the decoder had to begin anew: open the file again');
    try {
      return work(owner);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError || error instanceof RangeError)) throw error;
      const megabytes = Math.round(this.memory / 1e6);
      this.#instance = new Instance(this.#module);
      if (this.#model !== undefined) this.#load(this.#instance, this.#model);
      throw new CompassError('failure', `out of memory, most likely: the decoder had ${megabytes} MB (${error.message})`);
    }
  }

  #load(it, bytes) {
    it.check(it.lend(bytes, (...at) => it.exports.compass_model(...at, ...this.#limits)));
  }
  #needModel() {
    if (this.#model === undefined) throw new CompassError('usage', 'there is no model yet: see useModel()');
  }
}

// A file on its way, layer by layer, each decoded from what is kept of the one below.
class Reader {
  #decoder;
  #owner;
  #handle;

  constructor(decoder, owner, handle) {
    if (handle === 0) throw owner.error(1);
    this.#decoder = decoder;
    this.#owner = owner;
    this.#handle = handle;
  }

  #run(work) {
    if (this.#handle === 0) throw new CompassError('usage', 'the reader is closed');
    return this.#decoder.run((it) => work(it, it.exports, this.#handle), this.#owner);
  }

  push(bytes, offset) {
    this.#run((it, x, reader) => it.check(it.lend(bytes, (...at) => x.compass_reader_push(reader, offset, ...at))));
  }
  end() {
    this.#run((it, x, reader) => it.check(x.compass_reader_end(reader)));
  }
  info() {
    return this.#run((it, x, reader) => it.info(x.compass_reader_info(reader)));
  }
  select(options) {
    this.#run((it, x, reader) => {
      it.setSettings(options);
      it.check(x.compass_reader_select(reader));
    });
  }
  ranges(options) {
    return this.#run((it, x, reader) => {
      it.setSettings(options);
      const status = x.compass_reader_ranges(reader);
      if (statuses[status] === 'need') throw it.error(status, x.compass_reader_need(reader));
      it.check(status);
      const numbers = new Float64Array(it.memory, x.compass_ranges(), 2 * x.compass_ranges_count());
      return Array.from({ length: numbers.length / 2 }, (_, i) => ({ offset: numbers[2 * i], size: numbers[2 * i + 1] }));
    });
  }
  get ready() {
    return this.#run((it, x, reader) => x.compass_reader_ready(reader));
  }
  // The next layer; null if there is none or its bytes are not there yet.
  next({ skip = false } = {}) {
    return this.#run((it, x, reader) => {
      const status = x.compass_reader_next(reader, skip ? 1 : 0);
      return ['need', 'end'].includes(statuses[status]) ? null : it.picture(status);
    });
  }
  close() {
    if (this.#handle !== 0) {
      try {
        this.#run((it, x, reader) => x.compass_reader_free(reader));
      } catch {
        // Its instance is gone, and it with that.
      }
    }
    this.#handle = 0;
  }
}
