// Shows .cmps files in <img src="x.cmps"> and in <picture>'s <source type="image/x-compass" srcset="x.cmps">, of the document
// and of what is added to it later, without a change to its markup:
//
//     import { enable } from './polyfill.mjs';
//     enable();
//
// A browser has begun to fetch an <img>'s file by itself by then, all of it, to find that it cannot read it; a <source> of a
// type that it does not know it passes over.
import { bmpOf } from './bmp.mjs';
import { PlacedPicture, configure } from './placed_picture.mjs';

export { configure };

const kType = 'image/x-compass';
const isCompass = (url) => /\.cmps([?#]|$)/.test(url ?? '');

// Places that were taken over, and what is to be undone when they go.
const taken = new WeakMap();

// What a place said before it was taken over: by that an element is taken again that goes and comes back.
const origins = new WeakMap();
const originOf = (holder) => /^(blob|data):/.test(holder.srcset) && origins.get(holder) || holder;

// Shows the picture in `image` by way of `holder`, itself or its <source>. Its natural size is that of the largest layer,
// whichever is shown: a width and `sizes` say so, beside which `src` counts for nothing.
function take(image, holder, source) {
  const { type, srcset, sizes } = originOf(holder);
  origins.set(holder, { type, srcset, sizes });
  let last;
  // An image that is broken has no size to choose a layer by: it gets that of nothing, as large as the picture.
  const makeRoom = ({ layers }) => {
    if (last !== undefined || holder.srcset.startsWith('data:')) return undefined;
    const { width, height } = layers.at(-1);
    if (holder !== image) holder.type = 'image/svg+xml';
    holder.sizes = `${width}px`;
    holder.srcset = `data:image/svg+xml;base64,${btoa(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"/>`)} ${width}w`;
    return image.decode().catch(() => {});
  };
  const show = (picture) => {
    const url = URL.createObjectURL(bmpOf(picture));
    if (holder !== image) holder.type = 'image/bmp';
    holder.srcset = `${url} ${picture.width}w`;
    if (last !== undefined) URL.revokeObjectURL(last);
    last = url;
  };
  image.dataset.compassSrc = source;
  const placed = new PlacedPicture(image, {
    source, sizes, eager: image.loading !== 'lazy',
    hooks: {
      onInfo: makeRoom,
      onPicture: show,
      onLoad: (loader) => { image.dataset.compassLayer = loader.shown; },
      onError: (error) => image.dispatchEvent(Object.assign(new Event('compasserror'), { error })),
    },
  });
  taken.set(image, () => {
    placed.stop();
    if (last !== undefined) URL.revokeObjectURL(last);
  });
}

function takeImage(image) {
  if (taken.has(image)) return;
  const source = image.parentElement?.localName === 'picture'
    ? [...image.parentElement.children].find((child) => child.localName === 'source' && originOf(child).type === kType) : undefined;
  if (source !== undefined) {
    take(image, source, originOf(source).srcset.trim().split(/\s/)[0]);
  } else if (isCompass(image.getAttribute('src'))) {
    take(image, image, image.src);
  }
}

const imagesIn = (node) => node.localName === 'img' ? [node] : node.querySelectorAll?.('img') ?? [];

// Returns a function that ends it.
export function enable(root = document) {
  imagesIn(root).forEach(takeImage);
  const observer = new MutationObserver((changes) => {
    for (const { target, addedNodes, removedNodes } of changes) {
      if (target.localName === 'img') takeImage(target);
      for (const node of addedNodes) imagesIn(node).forEach(takeImage);
      for (const node of removedNodes) imagesIn(node).forEach((image) => {
        if (image.isConnected) return;
        taken.get(image)?.();
        taken.delete(image);
      });
    }
  });
  observer.observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ['src'] });
  return () => observer.disconnect();
}
