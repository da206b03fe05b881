/** What differs from run to run in what the demo prints, and from machine to machine, each after what introduces it. */
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

/** Replaces what differs from run to run in what the demo prints by an ellipsis: what remains is in output.txt. */
export function mask(output: string): string {
  return VARIES.reduce((text, pattern) => text.replaceAll(pattern, '…'), output);
}
