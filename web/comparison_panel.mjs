// The viewer's panel that compares a .cmps picture with what other formats take to be as close to the photo.
import { matched, psnr } from './comparison.mjs';

const kOthers = [['AVIF', 'image/avif'], ['WebP', 'image/webp'], ['JPEG', 'image/jpeg']];

export function canvasOf({ width, height, data }) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  canvas.getContext('2d').putImageData(new ImageData(data, width), 0, 0);
  return canvas;
}
const and = (names) => names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

export class ComparisonPanel {
  #element;
  #amount;
  #onChoice;
  #choices = [];
  #chosen = 0;
  #turn = 0;  // counts what it was cleared for

  // `amount(bytes)` says a size; `onChoice()` is called when another picture is to be shown.
  constructor(element, { amount, onChoice }) {
    this.#element = element;
    this.#amount = amount;
    this.#onChoice = onChoice;
  }

  // A canvas, if another picture than the .cmps file's is to be shown.
  get canvas() {
    return this.#choices[this.#chosen]?.canvas;
  }
  clear() {
    ++this.#turn;
    this.#choices = [];
    this.#chosen = 0;
    this.#element.hidden = true;
  }
  // Back to the .cmps file's picture.
  reset() {
    if (this.#chosen !== 0) this.#choose(0);
  }

  // Pictures of the same size: the photo, and what the file's first `bytes` decode to.
  async compare(photo, picture, bytes) {
    this.clear();
    const turn = this.#turn;
    const wanted = psnr(photo, picture);
    const choices = [{ name: 'Compass', bytes }];
    for (const [name, type] of kOthers) {
      const found = await matched(photo, type, wanted);
      if (turn !== this.#turn) return;  // something else is shown by now
      if (found === undefined) continue;
      const short = found.psnr < wanted ? `, ${found.psnr.toFixed(1)} dB at most` : '';
      choices.push({ name, bytes: found.bytes, short, canvas: canvasOf(found.picture) });
    }
    const names = choices.slice(1).map(({ name }) => name);
    choices.push({ name: 'Photo', canvas: canvasOf(photo) });
    this.#choices = choices;
    const how = `All as close to the photo: ${wanted.toFixed(1)} dB of PSNR. ${and(names)} as this browser writes them; ` +
      'AVIF, which takes less, it does not write.';
    this.#element.querySelector('p').textContent = names.includes('AVIF') ? how.replace(/;.*/, '.') : how;
    this.#show();
  }

  #choose(which) {
    this.#chosen = which;
    this.#show();
    this.#onChoice();
  }
  #show() {
    this.#element.hidden = false;
    this.#element.querySelector('div').replaceChildren(...this.#choices.map(({ name, bytes, short = '' }, k) => {
      const button = document.createElement('button');
      const title = document.createElement('b'), size = document.createElement('span');
      title.textContent = name;
      size.textContent = bytes === undefined ? 'as it was' : this.#amount(bytes) + short;
      button.append(title, size);
      button.setAttribute('aria-pressed', String(k === this.#chosen));
      button.onclick = () => this.#choose(k);
      return button;
    }));
  }
}
