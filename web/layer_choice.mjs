// Which layer a place on the page wants. Nothing here touches the page.

// The first layer that has a pixel for each of the screen's; the largest if none has. `width` and `height` are the place's in
// CSS pixels, of which one is `density` of the screen's; `fit` is CSS's object-fit.
export function layerFor(layers, { width, height, density, fit = 'fill' }) {
  const top = layers.at(-1);
  const across = width * density / top.width, down = height * density / top.height;
  const scale = fit === 'none' ? density : fit === 'contain' || fit === 'scale-down' ? Math.min(across, down) : Math.max(across, down);
  // Half a pixel for places whose size is no whole number.
  const found = layers.findIndex((layer) => layer.width >= scale * top.width - 0.5 && layer.height >= scale * top.height - 0.5);
  return found < 0 ? layers.length - 1 : found;
}

// Cuts at `separator` outside of parentheses.
function cut(text, separator) {
  const parts = [''];
  let depth = 0;
  for (const character of text) {
    depth += character === '(' ? 1 : character === ')' ? -1 : 0;
    if (depth === 0 && separator.test(character)) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

// The width that a `sizes` attribute states, such as "(max-width: 600px) 100vw, 50vw"; undefined if none does. `matches` says
// whether a media condition is true, `pixels` how many a CSS length is.
export function statedWidth(sizes, { matches, pixels }) {
  for (const entry of cut(sizes ?? '', /,/)) {
    const words = cut(entry, /\s/);
    const length = words.pop();
    if (length === 'auto' || words.length > 0 && !matches(words.join(' '))) continue;
    const width = pixels(length);
    if (width > 0) return width;
  }
  return undefined;
}
