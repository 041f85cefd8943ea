export { configure } from './compass-img.mjs';

/** Takes over `<img src="x.cmps">` and `<source type="image/x-compass">`, now and later. Returns a function that ends it. */
export function enable(root?: ParentNode & Node): () => void;
