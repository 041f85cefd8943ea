// A .cmps file on a server, shown layer by layer from the bytes that those layers take and no others.
import { CompassError } from './compass.mjs';
import { RemoteFile } from './remote_file.mjs';

const kFirst = 256;  // bytes: a header of three layers takes some 50

export class PictureLoader {
  #poolOf;
  #madePool;
  #opened;
  #working;
  #wanted = -1;
  #isCut = false;  // at a layer that is lost: there are no more
  #stop = new AbortController();

  // `poolOf` gives the decoders, once they are needed. `onPicture` gets each layer's picture as it comes, and the layer that is
  // wanted.
  constructor(url, poolOf, onPicture = () => {}) {
    this.file = new RemoteFile(url);
    this.#poolOf = poolOf;
    this.onPicture = onPicture;
    this.shown = -1;
    this.damage = undefined;
  }

  get #pool() {
    this.#madePool ??= this.#poolOf();
    return this.#madePool;
  }

  // What the header says. `first`: how many bytes to ask for at once, if more than a header's are known to be wanted;
  // `decoderId`: of the model, if that is known.
  open({ first = 0, decoderId } = {}) {
    this.#opened ??= this.#readHeader(Math.max(first, kFirst), decoderId);
    return this.#opened;
  }
  async #readHeader(most, decoderId) {
    this.#pool.prepare(decoderId);
    const first = this.#fetch([{ offset: 0, size: most }]);
    for (let size = kFirst; ;) {
      if (size > most) await this.#fetch([{ offset: 0, size }]);
      else await this.file.arrival(0, size, first);
      try {
        this.info = await this.#pool.info(this.file.head());
        return this.info;
      } catch (error) {
        if (error.status !== 'need') throw error;
        if (error.need <= size || this.#endsBefore(error.need)) {
          throw new CompassError('damaged', error.message);
        }
        size = error.need;
      }
    }
  }
  #endsBefore(byte) {
    return this.file.size !== undefined && this.file.size < byte;
  }
  #fetch(ranges) {
    return this.file.fetch(ranges, { signal: this.#stop.signal });
  }

  // Shows layers up to this one; ends when that is done. A layer that is damaged counts as the last; `damage` says so.
  want(layer) {
    this.#wanted = Math.max(this.#wanted, layer);
    this.#working ??= this.#work();
    return this.#working;
  }
  close() {
    this.#stop.abort();
  }

  async #work() {
    try {
      const { layers } = await this.open();
      while (this.shown < Math.min(this.#wanted, layers.length - 1) && !this.#isCut) {
        await this.#show(Math.min(this.#wanted, layers.length - 1));
      }
    } finally {
      this.#working = undefined;  // at once: whoever wants more from now on begins anew
    }
  }
  async #show(target) {
    const { layers } = this.info;
    const [first] = layers;
    // Metadata lies between the header and the first layer: it is left out.
    const fetching = this.#fetch([{ offset: first.offset, size: layers[target].end - first.offset }]);
    fetching.catch(() => {});  // whoever waits for bytes hears of it
    try {
      if (this.shown < 0 && target > 0) await this.#decode(0, { brief: true, fetching });
      await this.#decode(target, { fetching });
    } catch (error) {
      if (this.shown < 0 || error.status !== 'damaged') throw error;
      this.damage = error.message;
      this.#isCut = true;
    }
    this.#stop.signal.throwIfAborted();
  }

  async #decode(target, { brief, fetching }) {
    const { layers, decoderId } = this.info;
    const arrival = (k) => this.file.arrival(layers[0].offset, layers[k].end, fetching);
    await arrival(0);
    const pixels = (k) => layers[k].width * layers[k].height;
    await this.#pool.withReader(decoderId, { priority: pixels(0), brief, upper: target > 0 }, async (reader) => {
      await reader.select({ layer: target });
      let pushed = 0;
      for (let k = 0; k <= target; ++k) {
        await arrival(k);
        const { end } = layers[k];
        pushed = await this.#push(reader, pushed, end);
        if (this.#endsBefore(end)) await reader.end();
        const picture = await reader.next({ skip: k <= this.shown }, { priority: pixels(k) });
        this.#stop.signal.throwIfAborted();
        if (picture === null) throw new CompassError('damaged', `${this.file.url}: layer ${k} is not whole`);
        if (picture.data === undefined) continue;
        this.shown = k;
        this.damage ??= picture.damage;  // of some of its blocks
        this.onPicture(picture, target);
      }
    });
  }
  // Pushes what lies in [from, to); returns `to`.
  async #push(reader, from, to) {
    for (const { offset, bytes } of this.file.pieces()) {
      const start = Math.max(from, offset), end = Math.min(to, offset + bytes.length);
      if (start < end) await reader.push(bytes.subarray(start - offset, end - offset), start);
    }
    return to;
  }

  // A part of a layer: its picture, from the bytes that it takes.
  async region(options) {
    const { layers, decoderId } = await this.open();
    return this.#pool.withReader(decoderId, { priority: options.region.width * options.region.height }, async (reader) => {
      await this.#push(reader, 0, layers.at(-1).end);
      for (let ranges; ranges === undefined;) {
        try {
          ranges = await reader.ranges(options);
          await this.#fetchAndPush(reader, ranges);
          if (ranges.some(({ offset, size }) => this.#endsBefore(offset + size))) await reader.end();  // blocks are cut off
        } catch (error) {
          if (error.status !== 'need') throw error;
          await this.#fetchAndPush(reader, [{ offset: layers[0].offset, size: error.need - layers[0].offset }]);
          if (this.#endsBefore(error.need)) await reader.end();  // the index is cut off
        }
      }
      await reader.select(options);
      for (;;) {
        const picture = await reader.next();
        if (picture === null) throw new CompassError('damaged', `${this.file.url}: the part is not whole`);
        this.damage ??= picture.damage;
        if (picture.isLast) return picture;
      }
    });
  }
  async #fetchAndPush(reader, ranges) {
    await this.#fetch(ranges);
    for (const { offset, size } of ranges) await this.#push(reader, offset, offset + size);
  }
}
