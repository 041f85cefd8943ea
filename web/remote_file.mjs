// A file on a server, of which no byte is asked for twice, and none that is not wanted.
import { CompassError } from './compass.mjs';

const kTries = 3;  // of a request that breaks off; each goes on where the one before ended

export class RemoteFile {
  #pieces = [];  // {offset, bytes}, sorted, none overlapping
  #flights = []; // {offset, size, done}: what was asked for and is on its way; `done` is a promise
  #tag;          // what tells this version of the file from another, if the server says
  #wake = [];
  size;          // once a server has said
  requested = 0;
  received = 0;

  constructor(url) {
    this.url = String(url);
  }

  // Whether all of [from, to) is there, or all that there is.
  has(from, to) {
    return this.missing([{ offset: from, size: to - from }]).length === 0;
  }
  // What of the ranges is not there yet.
  missing(ranges) {
    return this.#gaps(ranges, this.#pieces.map(({ offset, bytes }) => ({ offset, size: bytes.length })));
  }
  // What of the ranges `there`, which is sorted, leaves out.
  #gaps(ranges, there) {
    const gaps = [];
    for (const { offset, size } of ranges) {
      const end = Math.min(offset + size, this.size ?? Infinity);
      let from = offset;
      for (const { offset: start, size: length } of there) {
        if (start + length <= from || start >= end) continue;
        if (start > from) gaps.push({ offset: from, size: start - from });
        from = start + length;
      }
      if (from < end) gaps.push({ offset: from, size: end - from });
    }
    return gaps;
  }
  pieces() {
    return this.#pieces;
  }
  // The bytes from the start up to the first that is missing, or to `end`.
  head(end = Infinity) {
    const parts = [];
    let length = 0;
    for (const { offset, bytes } of this.#pieces) {
      if (offset !== length || length >= end) break;
      parts.push(bytes);
      length += bytes.length;
    }
    const all = new Uint8Array(Math.min(length, end));
    let at = 0;
    for (const part of parts) {
      all.set(part.subarray(0, all.length - at), at);
      at += part.length;
    }
    return all;
  }

  // Fetches what of the ranges is missing and not on its way, one request for each gap; ends when all is there.
  async fetch(ranges, { signal } = {}) {
    const there = [...this.#pieces.map(({ offset, bytes }) => ({ offset, size: bytes.length })), ...this.#flights];
    const gaps = this.#gaps(ranges, there.sort((a, b) => a.offset - b.offset));
    const overlaps = (flight) => ranges.some(({ offset, size }) => flight.offset < offset + size && offset < flight.offset + flight.size);
    const others = this.#flights.filter(overlaps).map(({ done }) => done);
    await Promise.all([...others, ...gaps.map((gap) => this.#fly(gap, signal))]);
  }
  #fly(gap, signal) {
    const flight = { ...gap, done: this.#fetchGap(gap, signal) };
    this.#flights.push(flight);
    const end = () => this.#flights.splice(this.#flights.indexOf(flight), 1);
    flight.done.then(end, end);
    return flight.done;
  }
  // Ends as soon as [from, to) is there, whoever fetches it. Throws what `fetching`, a promise of fetch(), throws.
  async arrival(from, to, fetching) {
    let failed = false;
    fetching?.then(() => this.#notify(), () => { failed = true; this.#notify(); });
    while (!failed && !this.has(from, to)) await new Promise((resolve) => this.#wake.push(resolve));
    if (failed && !this.has(from, to)) await fetching;
  }

  async #fetchGap({ offset, size }, signal) {
    const end = offset + size;
    this.requested += size;
    for (let at = offset, tries = 1; ; ++tries) {
      try {
        await this.#request(at, end, signal, (bytes) => {
          this.#add(at, bytes);
          at += bytes.length;
        });
        if (at >= Math.min(end, this.size ?? end)) return;
        throw new CompassError('io', `${this.url}: the connection ended at byte ${at}`);
      } catch (error) {
        if (signal?.aborted || error instanceof CompassError && error.status !== 'io' || error.final) throw error;
        if (tries === kTries) throw error instanceof CompassError ? error : new CompassError('io', `${this.url}: ${error.message}`);
      }
    }
  }

  async #request(from, end, signal, take) {
    signal?.throwIfAborted();
    const stop = new AbortController();
    const abort = () => stop.abort();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await this.#receive(from, end, stop, take);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }
  async #receive(from, end, stop, take) {
    const response = await fetch(this.url, { headers: { Range: `bytes=${from}-${end - 1}` }, signal: stop.signal });
    let skip = 0;
    try {
      skip = this.#check(response, from);
    } catch (error) {
      stop.abort();  // its body is not wanted
      throw error;
    }
    let left = skip < 0 ? 0 : end - from;
    if (left === 0) return stop.abort();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.received += value.length;
      const wanted = value.subarray(Math.min(skip, value.length)).subarray(0, left);
      skip = Math.max(0, skip - value.length);
      left -= wanted.length;
      if (wanted.length > 0) take(wanted);
      // A server that knows no ranges goes on to the file's end, which is not wanted.
      if (left === 0 && response.status === 200) return stop.abort();
    }
  }

  // How many bytes of the body come before byte `from`; -1 if the file ends before it.
  #check(response, from) {
    const fail = (status, what) => {
      const error = new CompassError(status, `${this.url}: ${what}`);
      error.final = true;
      return error;
    };
    const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/.exec(response.headers.get('Content-Range') ?? '');
    const size = range ? Number(range[2]) : undefined;
    if (response.status === 416) {
      this.size = size ?? from;
      return -1;
    }
    if (response.status !== 206 && response.status !== 200) throw fail('io', `${response.status} ${response.statusText}`.trim());
    const tag = response.headers.get('ETag') ?? response.headers.get('Last-Modified') ?? undefined;
    if (this.#tag !== undefined && tag !== this.#tag || this.size !== undefined && size !== undefined && size !== this.size) {
      throw fail('io', 'the file on the server changed while it was read');
    }
    this.#tag = tag;
    if (response.status === 200) {
      const length = Number(response.headers.get('Content-Length'));
      if (length > 0 && !response.headers.get('Content-Encoding')) this.size = length;
      return from;
    }
    if (size !== undefined) this.size = size;
    const start = range?.[1] === undefined ? from : Number(range[1]);
    if (start > from) throw fail('io', 'the server sent another part of the file than was asked for');
    return from - start;
  }

  #add(offset, bytes) {
    const after = this.#pieces.findIndex((piece) => piece.offset > offset);
    this.#pieces.splice(after < 0 ? this.#pieces.length : after, 0, { offset, bytes });
    this.#notify();
  }
  #notify() {
    for (const resolve of this.#wake.splice(0)) resolve();
  }
}
