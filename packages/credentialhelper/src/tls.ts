/**
 * The device's certificate and key for any TLS client of Node.js: `tls.connect`, `https.Agent`, undici, MQTT.js.
 *
 * @packageDocumentation
 */
export {
  openTlsIdentity,
  type TlsIdentity,
  type TlsIdentityOptions,
} from './tls/identity.ts';
