// A canvas on which a picture is moved and enlarged: by wheel, drag, pinch and keys.

// `onChange` is called when another part is seen, `draw(context)` to draw in units of the picture's pixels.
export class PanZoom {
  #canvas;
  #size = { width: 1, height: 1 };  // of the picture
  #scale = 1;                       // CSS pixels to one of the picture
  #centre = { x: 0.5, y: 0.5 };     // the picture's pixel in the middle
  #fitted = true;
  #pointers = new Map();
  #waiting = false;

  constructor(canvas, { draw, onChange }) {
    this.#canvas = canvas;
    this.draw = draw;
    this.onChange = onChange;
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1);
      this.zoom(Math.exp(-pixels / (event.ctrlKey ? 100 : 400)), this.#at(event));
    }, { passive: false });
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#pointers.set(event.pointerId, this.#at(event));
    });
    canvas.addEventListener('pointermove', (event) => this.#drag(event));
    for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, (event) => this.#pointers.delete(event.pointerId));
    canvas.addEventListener('dblclick', (event) => (this.#fitted ? this.zoom(1 / (this.#scale * devicePixelRatio), this.#at(event)) : this.fit()));
    canvas.addEventListener('keydown', (event) => this.#key(event));
    new ResizeObserver(() => (this.#fitted ? this.fit() : this.#changed())).observe(canvas);
  }

  get scale() {
    return this.#scale;
  }
  show(size) {
    this.#size = size;
    this.fit();
  }
  fit() {
    const { clientWidth, clientHeight } = this.#canvas;
    if (clientWidth === 0) return;
    this.#scale = this.#least();
    this.#centre = { x: this.#size.width / 2, y: this.#size.height / 2 };
    this.#fitted = true;
    this.#changed();
  }
  // By a factor, about a place on the canvas, its middle unless given.
  zoom(factor, at = { x: this.#canvas.clientWidth / 2, y: this.#canvas.clientHeight / 2 }) {
    const before = this.#picturePlace(at);
    this.#scale = Math.min(Math.max(this.#scale * factor, this.#least()), Math.max(32, this.#least()));
    const after = this.#picturePlace(at);
    this.#move(before.x - after.x, before.y - after.y);
  }
  // What of the picture is seen, in its pixels.
  visible() {
    const from = this.#picturePlace({ x: 0, y: 0 });
    const to = this.#picturePlace({ x: this.#canvas.clientWidth, y: this.#canvas.clientHeight });
    const cut = (value, end) => Math.min(Math.max(value, 0), end);
    const [x, y] = [cut(from.x, this.#size.width), cut(from.y, this.#size.height)];
    return { x, y, width: cut(to.x, this.#size.width) - x, height: cut(to.y, this.#size.height) - y };
  }
  redraw() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      const { clientWidth, clientHeight } = this.#canvas;
      const [width, height] = [Math.round(clientWidth * devicePixelRatio), Math.round(clientHeight * devicePixelRatio)];
      if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
      const context = this.#canvas.getContext('2d');
      const scale = this.#scale * devicePixelRatio;
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, width, height);
      // Whole pixels, so that a picture is sharp where one of its pixels is one of the screen's.
      const left = Math.round(width / 2 - this.#centre.x * scale), top = Math.round(height / 2 - this.#centre.y * scale);
      context.setTransform(scale, 0, 0, scale, left, top);
      this.draw(context);
    });
  }

  // Small pictures are shown pixel for pixel.
  #least() {
    const { clientWidth, clientHeight } = this.#canvas;
    return Math.min(clientWidth / this.#size.width, clientHeight / this.#size.height, Math.max(1, 256 / Math.max(this.#size.width, this.#size.height)));
  }
  #at(event) {
    const box = this.#canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }
  #picturePlace({ x, y }) {
    const { clientWidth, clientHeight } = this.#canvas;
    return { x: this.#centre.x + (x - clientWidth / 2) / this.#scale, y: this.#centre.y + (y - clientHeight / 2) / this.#scale };
  }
  // The picture stays in the window: where it is smaller, in the middle.
  #move(dx, dy) {
    const keep = (value, side, window) => {
      const half = window / this.#scale / 2;
      return half * 2 >= side ? side / 2 : Math.min(Math.max(value, half), side - half);
    };
    this.#centre = {
      x: keep(this.#centre.x + dx, this.#size.width, this.#canvas.clientWidth),
      y: keep(this.#centre.y + dy, this.#size.height, this.#canvas.clientHeight),
    };
    this.#fitted = this.#scale <= this.#least() * 1.0001;
    this.#changed();
  }
  #changed() {
    this.redraw();
    this.onChange();
  }

  #drag(event) {
    const before = this.#pointers.get(event.pointerId);
    if (before === undefined) return;
    const now = this.#at(event);
    this.#pointers.set(event.pointerId, now);
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other !== undefined) {  // a pinch is about the finger that stays
      const [from, to] = [before, now].map(({ x, y }) => Math.hypot(x - other.x, y - other.y));
      if (from > 0) this.zoom(to / from, other);
    }
    const share = other === undefined ? 1 : 0.5;
    this.#move(share * (before.x - now.x) / this.#scale, share * (before.y - now.y) / this.#scale);
  }
  #key(event) {
    const step = 60 / this.#scale;
    const actions = {
      '+': () => this.zoom(1.5), '=': () => this.zoom(1.5), '-': () => this.zoom(1 / 1.5), '0': () => this.fit(),
      ArrowLeft: () => this.#move(-step, 0), ArrowRight: () => this.#move(step, 0),
      ArrowUp: () => this.#move(0, -step), ArrowDown: () => this.#move(0, step),
    };
    if (event.ctrlKey || event.metaKey || actions[event.key] === undefined) return;
    event.preventDefault();
    actions[event.key]();
  }
}
