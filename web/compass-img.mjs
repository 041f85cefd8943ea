// <compass-img src="photo.cmps" alt="..."></compass-img>: an <img> for .cmps files, of which it fetches the bytes of the layer
// that suits its size on the screen. Attributes: src, alt, sizes, width, height, loading as <img> has
// them; model, a URL; as `compass publish` writes them: data-layers, "384x256 5321, 768x512 20342", each layer's size and where in
// the file it ends, and data-decoder, the id of what decodes it. What is between its tags is shown if the picture cannot be.
//
// Events: `layer` when a layer is drawn, `load` when the one that suits is, `error` with an `error` if none can be.
import { PlacedPicture, configure } from './placed_picture.mjs';

export { configure };

// The picture has the size of its largest layer, whichever is drawn: the spacer gives the element its width, and the ratio its
// height.
const style = `
:host { display: inline-block; position: relative; overflow: hidden; min-width: 0; min-height: 0; vertical-align: baseline; }
:host([hidden]) { display: none; }
canvas { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: inherit; object-position: inherit; }
div { height: 0; }
slot { display: none; }
slot.failed { display: contents; }
`;

// What data-layers says; undefined if it says nothing.
function layersOf(text) {
  const layers = (text ?? '').split(',').map((entry) => /^\s*(\d+)x(\d+)\s+(\d+)\s*$/.exec(entry)?.slice(1).map(Number));
  return layers.includes(undefined) ? undefined : layers.map(([width, height, end]) => ({ width, height, end }));
}

class CompassImage extends HTMLElement {
  static observedAttributes = ['src', 'alt', 'sizes', 'width', 'height', 'model'];
  #canvas = document.createElement('canvas');
  #spacer = document.createElement('div');
  #slot = document.createElement('slot');
  #rule;
  #connected = false;
  #placed;
  #info;
  #picture;

  constructor() {
    super();
    const shadow = this.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    this.#rule = sheet.cssRules[0].style;
    shadow.adoptedStyleSheets = [sheet];
    this.#canvas.width = this.#canvas.height = 0;
    this.#canvas.setAttribute('role', 'img');
    shadow.append(this.#spacer, this.#canvas, this.#slot);
  }

  connectedCallback() {
    this.#connected = true;
    this.#layOut();
    this.#start();
  }
  disconnectedCallback() {
    this.#connected = false;
    this.#stop();
  }
  attributeChangedCallback(name, before, now) {
    if (before === now) return;
    if (name === 'alt') this.#canvas.setAttribute('aria-label', now ?? '');
    if (name === 'width' || name === 'height') this.#layOut();
    if (name === 'sizes' && this.#placed !== undefined) {
      this.#placed.sizes = now;
      this.#placed.update();
    }
    // An element that the parser made gets its attributes before it is connected, but is in the document by then.
    if ((name === 'src' || name === 'model') && this.#connected) this.#start();
  }

  #start() {
    this.#stop();
    const source = this.getAttribute('src');
    if (!source) return;
    this.#slot.className = '';
    this.#placed = new PlacedPicture(this, {
      source, sizes: this.getAttribute('sizes'), model: this.getAttribute('model') ?? undefined,
      layers: layersOf(this.dataset.layers), decoderId: this.dataset.decoder, eager: this.getAttribute('loading') === 'eager',
      hooks: {
        onInfo: (info) => {
          this.#info = info;
          this.#layOut();
        },
        onPicture: (picture) => this.#draw(picture),
        onLoad: () => this.dispatchEvent(new Event('load')),
        onError: (error) => this.#fail(error),
      },
    });
  }
  #stop() {
    this.#placed?.stop();
    this.#placed = this.#info = this.#picture = undefined;
    this.#canvas.width = this.#canvas.height = 0;
  }

  #draw(picture) {
    const { width, height, data } = picture;
    Object.assign(this.#canvas, { width, height });
    this.#canvas.getContext('2d').putImageData(new ImageData(data, width, height), 0, 0);
    this.#picture = { width, height, layer: picture.layer };
    this.dispatchEvent(new Event('layer'));
  }
  #fail(error) {
    if (this.#picture === undefined) this.#slot.className = 'failed';
    const event = new Event('error');
    event.error = error;
    this.dispatchEvent(event);
  }

  // As <img>: `width` and `height` are hints of CSS, and keep the place before the picture is there.
  #layOut() {
    const number = (name) => /^\s*\d+/.test(this.getAttribute(name) ?? '') ? parseInt(this.getAttribute(name), 10) : undefined;
    const width = number('width'), height = number('height');
    const top = this.#info?.layers.at(-1);
    this.#rule.width = width === undefined ? 'auto' : `${width}px`;
    this.#rule.height = height === undefined ? 'auto' : `${height}px`;
    this.#rule.aspectRatio = top ? `${top.width} / ${top.height}` : width && height ? `${width} / ${height}` : 'auto';
    this.#spacer.style.width = top ? `${top.width}px` : '0';
  }

  // The picture's own size, 0 before its header is there.
  get naturalWidth() {
    return this.#info?.layers.at(-1).width ?? 0;
  }
  get naturalHeight() {
    return this.#info?.layers.at(-1).height ?? 0;
  }
  // The layer that is drawn: -1 for none.
  get layer() {
    return this.#picture?.layer ?? -1;
  }
  get layers() {
    return this.#info?.layers ?? [];
  }
  // What was lost, if the file is damaged.
  get damage() {
    return this.#placed?.loader.damage;
  }
  // Bytes of the file that were asked for.
  get bytesRequested() {
    return this.#placed?.loader.file.requested ?? 0;
  }
  // The canvas that the picture is on, to be read from or drawn elsewhere.
  get canvas() {
    return this.#canvas;
  }
  get src() {
    return this.getAttribute('src') ?? '';
  }
  set src(value) {
    this.setAttribute('src', value);
  }
  get alt() {
    return this.getAttribute('alt') ?? '';
  }
  set alt(value) {
    this.setAttribute('alt', value);
  }
}

customElements.define('compass-img', CompassImage);
