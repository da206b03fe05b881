/** The parts of the demo's output that differ between runs and machines, each after its prefix. */
const VARIES = [
  /(?<=https?:\/\/[\w.]+:)\d+/g, // ports
  /\b[0-9a-f]{64}\b/g, // the certificate id
  /(?<=valid until )\S+/g,
  /(?<=in slot )\d+/g,
  /(?<=serial=)[0-9a-f]+/g,
  /(?<=;id=)(?:%[0-9A-F]{2})+/g,
  /(?<=the id )[0-9a-f]+/g,
  /(?<=module-path=)\S+/g,
  /(?<=removed )\S+(?=\/)/g,
];

/** Replaces the parts of the demo's output that differ between runs with an ellipsis: the rest is in output.txt. */
export function mask(output: string): string {
  return VARIES.reduce((text, pattern) => text.replaceAll(pattern, '…'), output);
}
