// The results section of docs/performance.md, from bench/results.json.

const BEGIN = '<!-- results: npm run bench -- --write -->';
const END = '<!-- end of results -->';

/** A ratio with its significant digits. */
export function formatRatio(ratio) {
  return ratio.toFixed(ratio < 10 ? 2 : ratio < 100 ? 1 : 0);
}

/** The ratios as a Markdown table. */
export function renderTable({ pairs }) {
  const cell = (figure) => (figure === undefined ? '' : formatRatio(figure.median));
  const row = (cells) => `| ${cells.join(' | ')} |`;
  return [
    row(['program', 'compared with', 'time', 'CPU time', 'peak memory']),
    row(['---', '---', '---:', '---:', '---:']),
    ...pairs.map(({ subject, reference, time, cpu, memory }) =>
      row([subject, reference, cell(time), cell(cpu), cell(memory)]),
    ),
  ].join('\n');
}

/** The page with the results between its markers. */
export function renderPage(page, results) {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`the page has no ${BEGIN} … ${END}`);
  return `${before}${BEGIN}\n\n${renderResults(results)}\n\n${END}${after}`;
}

function renderResults(results) {
  const { date, rounds, machine, scale } = results;
  const versions = Object.entries(machine.versions).map((version) => version.join(' '));
  return `Measured on ${date}: ${machine.processor}, ${machine.cores} cores, ${machine.system}, ${versions.join(', ')};
medians of ${rounds} rounds.

![The ratios of the table below, on a logarithmic axis](pictures/performance.svg)

${renderTable(results)}

\`serve\` answers ${formatRatio(results.serve.median)} times the requests a second of a bare \`node:http\` server with the same body, over kept connections.

For scale, on that machine: bare \`node:https\` takes ${Math.round(scale.bareMs)} ms from start to exit, the import of the library
${scale.importMs.toFixed(1)} ms within a process, and a call of \`credentials()\` that finds them in memory ${Math.round(scale.cachedCallNs)} ns.`;
}
