// Shared by all pictures: one SVG file with text elements, legible in light and dark mode.

const SANS = 'system-ui, -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif';
const MONO = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';

const COLORS = {
  light: { paper: '#ffffff', ink: '#1f2328', quiet: '#59636e', line: '#d1d9e0', mark: '#0969da' },
  dark: { paper: '#0d1117', ink: '#e6edf3', quiet: '#9198a1', line: '#3d444d', mark: '#4493f8' },
};

/** Escapes text for an element or an attribute. */
export function escapeXml(text) {
  const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replaceAll(/[&<>"]/g, (character) => entities[character]);
}

/** An element with one or more text children. */
export function element(name, attributes, inside) {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${value}"`);
  if (inside === undefined) return `<${name}${written.join('')}/>`;
  return `<${name}${written.join('')}>${[inside].flat().join('')}</${name}>`;
}

/** A line of text; classes: quiet, mono, small, strong. */
export function text(x, y, content, attributes = {}) {
  return element('text', { x, y, ...attributes }, escapeXml(content));
}

/** The file: elements on a background, with a title and a description for screen readers. */
export function picture({ width, height, title, description }, elements) {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title description">
<title id="title">${escapeXml(title)}</title>
<desc id="description">${escapeXml(description)}</desc>
<style>
text { font: 14px ${SANS}; white-space: pre }
text.mono { font: 13px ${MONO} }
text.small { font-size: 12.5px }
text.strong { font-weight: 600 }
${rules(COLORS.light)}
@media (prefers-color-scheme: dark) {
${rules(COLORS.dark)}
}
</style>
<rect class="sheet" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>
${elements.join('\n')}
</svg>
`;
}

function rules({ paper, ink, quiet, line, mark }) {
  return `text { fill: ${ink} }
text.quiet { fill: ${quiet} }
text.mark { fill: ${mark} }
.sheet, .box { fill: ${paper}; stroke: ${line} }
.line { fill: none; stroke: ${line} }
.arrow { fill: none; stroke: ${quiet}; stroke-width: 1.5 }
.tip { fill: ${quiet} }
.stroke { fill: ${paper}; stroke: ${mark}; stroke-width: 1.5 }
.solid { fill: ${mark}; stroke: ${mark} }
.hollow { fill: ${paper}; stroke: ${quiet}; stroke-width: 1.5 }`;
}
