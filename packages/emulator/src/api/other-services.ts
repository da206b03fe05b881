import { randomUUID } from 'node:crypto';
import { XMLBuilder } from 'fast-xml-parser';
import type { ApiRequest } from '../http/request.ts';
import { type Response, respondJson } from '../http/response.ts';
import { toXmlText } from './protocol/query.ts';

/** Not retried by the AWS SDKs, as a failure of the server is. */
const STATUS = 501;
const CODE = 'NotImplemented';
const MAX_SHOWN = 80;

/** Services with errors in XML that no other of their properties shows. */
const REST_XML: readonly string[] = ['cloudfront', 'route53', 's3', 's3-outposts', 's3express'];

/**
 * Returns the response to a request for a service that is not emulated, in the protocol of that service as far as it is
 * known, so that its clients show the message.
 *
 * @param service - its name in the credential scope; without one, the operation
 */
export function refuseOtherService(request: ApiRequest, service: string): Response {
  const { headers, query } = request;
  const contentType = headers['content-type'] ?? '';
  const message = `this emulator has AWS IoT, IAM and STS, not ${service.slice(0, MAX_SHOWN)}`;
  if (headers['smithy-protocol'] === 'rpc-v2-cbor') return respondCbor(message);
  if (headers['x-amz-target'] !== undefined) {
    const type = contentType.startsWith('application/x-amz-json-')
      ? contentType
      : 'application/x-amz-json-1.1';
    const response = respondJson(STATUS, { __type: CODE, message });
    return { ...response, headers: { ...response.headers, 'content-type': type } };
  }
  const error = { Code: CODE, Message: toXmlText(message) };
  if (service === 'ec2') {
    return respondXml((RequestID) => ({ Response: { Errors: { Error: error }, RequestID } }));
  }
  if (service.startsWith('s3') && REST_XML.includes(service)) {
    return respondXml((RequestId) => ({ Error: { ...error, RequestId } }));
  }
  const isQuery =
    contentType.startsWith('application/x-www-form-urlencoded') || query.Action !== undefined;
  if (isQuery || REST_XML.includes(service)) {
    return respondXml((RequestId) => ({
      ErrorResponse: { Error: { Type: 'Sender', ...error }, RequestId },
    }));
  }
  return respondJson(STATUS, { message }, CODE);
}

const builder = new XMLBuilder({});

function respondXml(toDocument: (requestId: string) => unknown): Response {
  const requestId = randomUUID();
  return {
    status: STATUS,
    headers: { 'content-type': 'text/xml', 'x-amzn-RequestId': requestId },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${builder.build(toDocument(requestId))}`,
  };
}

function respondCbor(message: string): Response {
  return {
    status: STATUS,
    headers: {
      'content-type': 'application/cbor',
      'smithy-protocol': 'rpc-v2-cbor',
      'x-amzn-RequestId': randomUUID(),
    },
    body: Buffer.concat([
      // A map with two members (RFC 8949).
      Buffer.of(0xa2),
      ...['__type', CODE, 'message', message].map(toCbor),
    ]),
  };
}

/** A text of up to 255 bytes in CBOR. */
function toCbor(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.of(0x78, bytes.length), bytes]);
}
