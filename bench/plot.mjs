// The ratios of bench/results.json as a picture: a row for each pair, on a logarithmic axis; 1 means equal cost.
import { element, picture, text } from '../scripts/pictures/svg.mjs';
import { formatRatio } from './page.mjs';

const WIDTH = 860;
const TOP = 84;
const ROW = 48;
const AXIS = { left: 330, right: 770 };
const VALUES = 836;
/** Each figure of a row has a separate height, so that none covers another. */
const LANE = { time: -11, cpu: 1, memory: 12 };

/** The picture of all pairs. */
export function renderPlot({ pairs, machine, rounds }) {
  const bottom = TOP + pairs.length * ROW;
  const scale = logarithmic(pairs);
  return picture(
    {
      width: WIDTH,
      height: bottom + 56,
      title: 'What credentials cost, as ratios',
      description: pairs.map(describe).join(' '),
    },
    [
      ...legend(),
      ...axis(scale, bottom),
      ...pairs.flatMap((pair, index) => row(pair, TOP + index * ROW + ROW / 2, scale)),
      text(
        24,
        bottom + 38,
        `${machine.processor}, ${machine.cores} cores, Node.js ${machine.versions['Node.js']}; medians of ${rounds} rounds`,
        { class: 'small quiet' },
      ),
    ],
  );
}

/** Scales ratios to the axis, which covers all of them in powers of two. */
function logarithmic(pairs) {
  const all = pairs.flatMap(({ time, cpu, memory }) => [
    time.low,
    time.high,
    ...(cpu === undefined ? [] : [cpu.median]),
    ...(memory === undefined ? [] : [memory.median]),
  ]);
  const low = Math.floor(Math.log2(Math.min(...all, 0.5)));
  const high = Math.ceil(Math.log2(Math.max(...all, 2)));
  const place = (ratio) =>
    round(AXIS.left + ((Math.log2(ratio) - low) / (high - low)) * (AXIS.right - AXIS.left));
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 2 ** (low + i));
  return { place, ticks };
}

function legend() {
  const y = 34;
  return [
    ...[mark.time(30, y), text(42, y + 5, 'time (line: the middle half of the rounds)')],
    ...[mark.cpu(356, y), text(368, y + 5, 'CPU time')],
    ...[mark.memory(456, y), text(468, y + 5, 'peak memory')],
  ];
}

function axis({ place, ticks }, bottom) {
  const y = TOP - 14;
  return [
    ...ticks.flatMap((tick) => [
      element('line', {
        class: tick === 1 ? 'arrow' : 'line',
        x1: place(tick),
        x2: place(tick),
        y1: TOP - 6,
        y2: bottom,
      }),
      text(place(tick), y, label(tick), { class: 'small quiet', 'text-anchor': 'middle' }),
    ]),
    text(VALUES, y, 'time', { class: 'small quiet', 'text-anchor': 'end' }),
    text(place(1) - 8, bottom + 14, '← costs less', {
      class: 'small quiet',
      'text-anchor': 'end',
    }),
    text(place(1) + 8, bottom + 14, 'costs more →', { class: 'small quiet' }),
  ];
}

function row({ subject, reference, time, cpu, memory }, y, { place }) {
  const lane = y + LANE.time;
  return [
    text(24, y - 4, plain(subject)),
    text(24, y + 13, `against ${plain(reference)}`, { class: 'small quiet' }),
    ...(memory === undefined ? [] : [mark.memory(place(memory.median), y + LANE.memory)]),
    ...(cpu === undefined ? [] : [mark.cpu(place(cpu.median), y + LANE.cpu)]),
    element('line', {
      class: 'stroke',
      x1: place(time.low),
      x2: place(time.high),
      y1: lane,
      y2: lane,
    }),
    mark.time(place(time.median), lane),
    text(VALUES, y + 5, formatRatio(time.median), { 'text-anchor': 'end' }),
  ];
}

const mark = {
  time: (x, y) => element('circle', { class: 'solid', cx: x, cy: y, r: 4.5 }),
  cpu: (x, y) =>
    element('rect', { class: 'hollow', x: round(x - 4), y: y - 4, width: 8, height: 8 }),
  memory: (x, y) =>
    element('path', {
      class: 'hollow',
      d: `M${x} ${y - 5}L${round(x + 5)} ${y + 4}H${round(x - 5)}Z`,
    }),
};

const label = (tick) => (tick < 1 ? `1/${1 / tick}` : String(tick));
const plain = (markdown) => markdown.replaceAll('`', '');
const round = (number) => Math.round(number * 10) / 10;

function describe({ subject, reference, time, cpu, memory }) {
  const others = [
    ...(cpu === undefined ? [] : [`CPU time ${formatRatio(cpu.median)}`]),
    ...(memory === undefined ? [] : [`peak memory ${formatRatio(memory.median)}`]),
  ];
  const all = [`time ${formatRatio(time.median)}`, ...others].join(', ');
  return `${plain(subject)} against ${plain(reference)}: ${all}.`;
}
