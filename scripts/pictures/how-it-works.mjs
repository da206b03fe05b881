// The flow of credentials: the device, its token, AWS IoT, and the AWS SDK.
import { element, picture, text } from './svg.mjs';

const LEFT = { x: 44, width: 352 };
const RIGHT = { x: 640, width: 196 };
const EDGE = LEFT.x + LEFT.width;
const SDK = { y: 62, height: 40 };
const SESSION = { y: 146, height: 60 };
const KEY = { y: 250, height: 60 };

/** The picture of the five steps. */
export function renderHowItWorks() {
  return picture(
    {
      width: 860,
      height: 350,
      title: 'How a device gets AWS credentials',
      description:
        'On the device, the AWS SDK client asks the session for credentials. The session opens a mutual TLS connection to the ' +
        'credential provider of AWS IoT Core; the private key, in a PKCS#11 token, where it stays, or in a file, signs the ' +
        'handshake. The credential provider returns temporary credentials, and the SDK client signs its requests to AWS ' +
        'services with them.',
    },
    [
      element('rect', { class: 'box', x: 24, y: 24, width: 392, height: 306, rx: 6 }),
      text(44, 48, 'Device', { class: 'quiet' }),
      ...box(LEFT, SDK, 'AWS SDK client'),
      ...box(LEFT, SESSION, 'Session', 'renews credentials before they expire'),
      ...box(LEFT, KEY, 'Private key', 'in a PKCS#11 token, where it stays, or in a file'),
      ...box(RIGHT, SDK, 'AWS services'),
      ...box(RIGHT, SESSION, 'AWS IoT Core', 'credential provider'),
      ...arrow([84, SDK.y + SDK.height], [84, SESSION.y]),
      text(100, 129, '1  asks for credentials'),
      ...arrow([EDGE, 164], [RIGHT.x, 164]),
      text(432, 155, '2  certificate, role alias'),
      ...arrow([84, SESSION.y + SESSION.height], [84, KEY.y]),
      text(100, 233, '3  signs the TLS handshake'),
      ...arrow([RIGHT.x, 188], [EDGE, 188]),
      text(432, 207, '4  temporary credentials'),
      ...arrow([EDGE, 82], [RIGHT.x, 82]),
      text(432, 73, '5  signed requests'),
    ],
  );
}

function box({ x, width }, { y, height }, name, detail) {
  const middle = y + height / 2;
  return [
    element('rect', { class: 'box', x, y, width, height, rx: 4 }),
    text(x + 16, detail === undefined ? middle + 5 : middle - 5, name, { class: 'strong' }),
    ...(detail === undefined ? [] : [text(x + 16, middle + 15, detail, { class: 'small quiet' })]),
  ];
}

/** A straight arrow, horizontal or vertical. */
function arrow([x1, y1], [x2, y2]) {
  const [dx, dy] = [Math.sign(x2 - x1), Math.sign(y2 - y1)];
  const [bx, by] = [x2 - 9 * dx, y2 - 9 * dy];
  return [
    element('line', { class: 'arrow', x1, y1, x2: bx, y2: by }),
    element('path', {
      class: 'tip',
      d: `M${x2} ${y2}L${bx + 4.5 * dy} ${by + 4.5 * dx}L${bx - 4.5 * dy} ${by - 4.5 * dx}Z`,
    }),
  ];
}
