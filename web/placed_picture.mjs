// A .cmps picture at a place of the page: waits until that is near the screen, and has the layer that suits its size.
import { poolFor } from './decoder_pool.mjs';
import { layerFor, statedWidth } from './layer_choice.mjs';
import { PictureLoader } from './picture_loader.mjs';

const kNear = '600px';      // what is this near the screen is loaded
const kCalm = 150;          // ms without a change of size, before a larger layer is fetched

export const settings = { model: new URL('model/', import.meta.url).href };
// For all pictures of the page from now on: URLs of the model and of compass.wasm, how many workers decode.
export function configure(changes) {
  Object.assign(settings, changes);
}

// How many pixels of the screen one of CSS's is: less for those who ask for little data.
function density() {
  const ratio = globalThis.devicePixelRatio * Math.max(1, globalThis.visualViewport?.scale ?? 1);
  return navigator.connection?.saveData ? Math.min(ratio, 1) : ratio;
}

function pixelsOf(length, near) {
  const probe = document.createElement('div');
  probe.style.cssText = 'position:absolute;visibility:hidden;height:0;padding:0;border:0';
  probe.style.width = length;
  if (probe.style.width === '') return 0;
  (near.parentElement ?? document.body).append(probe);
  const width = parseFloat(getComputedStyle(probe).width);
  probe.remove();
  return width;
}

export class PlacedPicture {
  #place;
  #hooks;
  #loader;
  #known;
  #near = false;
  #timer;
  #observers = [];
  #density;
  #loaded = -1;  // the layer that onLoad() last heard of
  #failure;      // that onError() last heard of

  // `hooks`: onInfo(info), which may take its time, onPicture(picture, wanted, loader) with each layer that is to be shown, onLoad(loader) when the
  // one that suits is, onError(error) if nothing can be shown.
  // If they are known, `layers` are those of the file, {width, height, end}: then it need not be asked for its header first;
  // and `decoderId` names its model, which comes sooner then.
  constructor(place, { source, sizes, model, layers, decoderId, eager = false, hooks }) {
    this.#place = place;
    this.#hooks = hooks;
    this.#known = { layers, decoderId };
    this.sizes = sizes;
    this.#loader = new PictureLoader(new URL(source, document.baseURI).href,
      () => poolFor({ ...settings, model: new URL(model ?? settings.model, document.baseURI).href }),
      (picture, wanted) => hooks.onPicture(picture, wanted, this.#loader));
    this.#watch(eager);
  }

  get loader() {
    return this.#loader;
  }

  #watch(eager) {
    const near = () => {
      this.#near = true;
      this.update();
    };
    if (eager) {
      queueMicrotask(near);  // configure() may follow
    } else {
      const observer = new IntersectionObserver((entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        near();
      }, { rootMargin: kNear });
      observer.observe(this.#place);
      this.#observers.push(observer);
    }
    const resized = new ResizeObserver(() => this.#soon());
    resized.observe(this.#place);
    this.#observers.push(resized);
    const zoomed = () => this.#soon();
    globalThis.visualViewport?.addEventListener('resize', zoomed);
    this.#observers.push({ disconnect: () => globalThis.visualViewport?.removeEventListener('resize', zoomed) });
    this.#watchDensity();
  }
  // A query holds for one density only: another is made after each change.
  #watchDensity() {
    this.#density = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    this.#density.onchange = () => {
      this.#watchDensity();
      this.#soon();
    };
  }
  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.update(), this.#loader.shown < 0 ? 0 : kCalm);
  }

  // Fetches and shows what the place's size asks for now, if that is more than there is.
  async update() {
    if (!this.#near || this.#loader === undefined) return;
    const loader = this.#loader;
    try {
      const { layers, decoderId } = this.#known;
      const info = await loader.open({ first: layers?.[this.#suitable({ layers })].end, decoderId });
      if (loader !== this.#loader) return;
      await this.#hooks.onInfo(info);
      const layer = this.#suitable(info);
      if (layer <= loader.shown || loader !== this.#loader) return;
      await loader.want(layer);
      if (loader !== this.#loader || loader.shown === this.#loaded) return;
      this.#loaded = loader.shown;
      this.#hooks.onLoad(loader);
    } catch (error) {
      // Calls that wait for the same fail alike.
      if (loader !== this.#loader || error === this.#failure) return;
      this.#failure = error;
      this.#hooks.onError(error);
    }
  }
  #suitable({ layers }) {
    const style = getComputedStyle(this.#place);
    let { width, height } = this.#place.getBoundingClientRect();
    const stated = statedWidth(this.sizes, {
      matches: (condition) => matchMedia(condition).matches, pixels: (length) => pixelsOf(length, this.#place),
    });
    if (stated !== undefined) [width, height] = [stated, stated * layers.at(-1).height / layers.at(-1).width];
    return layerFor(layers, { width, height, density: density(), fit: style.objectFit });
  }

  stop() {
    clearTimeout(this.#timer);
    for (const observer of this.#observers) observer.disconnect();
    this.#density.onchange = null;
    this.#loader.close();
    this.#loader = undefined;
  }
}
