import { X509Certificate } from 'node:crypto';
import { creationKey } from '../../account/creation-order.ts';
import { body, flag, oneOf, only, optional, query, text } from '../protocol/members.ts';
import { operation, type RestOperation } from '../protocol/rest-json.ts';
import {
  ascendingOrder,
  certificateId,
  certificatePem,
  type IotContext,
  listedByMarker,
  listPartByMarker,
  seconds,
} from './context.ts';
import { tags } from './tags.ts';

const setAsActive = query(optional(flag));
const newStatus = oneOf(['ACTIVE', 'INACTIVE', 'REVOKED']);
const status = body(optional(newStatus));

/** Operations of AWS IoT on certificates: method, path, members and handlers. */
export const CERTIFICATE_OPERATIONS: readonly RestOperation<IotContext>[] = [
  operation(
    'CreateKeysAndCertificate',
    'POST',
    '/keys-and-certificate',
    { setAsActive },
    ({ account }, input) => account.iot.createKeysAndCertificate(input),
  ),
  operation(
    'CreateCertificateFromCsr',
    'POST',
    '/certificates',
    { setAsActive, certificateSigningRequest: body(text({ min: 1, max: 4096 })) },
    ({ account }, input) => account.iot.createCertificateFromCsr(input),
  ),
  operation(
    'RegisterCertificateWithoutCA',
    'POST',
    '/certificate/register-no-ca',
    { certificatePem: body(certificatePem), status },
    ({ account }, input) => account.iot.registerCertificateWithoutCA(input),
  ),
  operation(
    'RegisterCertificate',
    'POST',
    '/certificate/register',
    {
      certificatePem: body(certificatePem),
      caCertificatePem: body(optional(certificatePem)),
      setAsActive,
      status,
    },
    ({ account }, input) => account.iot.registerCertificate(input),
  ),
  operation(
    'RegisterCACertificate',
    'POST',
    '/cacertificate',
    {
      caCertificate: body(certificatePem),
      verificationCertificate: body(optional(certificatePem)),
      certificateMode: body(optional(oneOf(['DEFAULT', 'SNI_ONLY']))),
      setAsActive,
      tags,
      allowAutoRegistration: query(optional(only(false, flag))),
    },
    ({ account }, input) => account.iot.registerCACertificate(input),
  ),
  operation('GetRegistrationCode', 'GET', '/registrationcode', {}, ({ account }) => ({
    registrationCode: account.iot.getRegistrationCode(),
  })),
  operation(
    'DescribeCertificate',
    'GET',
    '/certificates/{certificateId}',
    { certificateId },
    ({ account }, input) => {
      const certificate = account.iot.describeCertificate(input);
      const { validFrom, validTo } = new X509Certificate(certificate.certificatePem);
      return {
        certificateDescription: {
          certificateArn: certificate.certificateArn,
          certificateId: certificate.certificateId,
          caCertificateId: certificate.caCertificateId,
          status: certificate.status,
          certificatePem: certificate.certificatePem,
          ownedBy: account.accountId,
          creationDate: seconds(certificate.creationMs),
          lastModifiedDate: seconds(certificate.lastModifiedMs),
          customerVersion: 1,
          validity: {
            notBefore: seconds(Date.parse(validFrom)),
            notAfter: seconds(Date.parse(validTo)),
          },
          certificateMode: 'DEFAULT',
        },
      };
    },
  ),
  operation(
    'ListCertificates',
    'GET',
    '/certificates',
    { ...listedByMarker, ascendingOrder },
    ({ account }, input) =>
      listPartByMarker(
        'certificates',
        {
          items: account.iot.listCertificates(input),
          keyOf: (id) => creationKey(account.iot.describeCertificate({ certificateId: id }), id),
          isDescending: !input.ascendingOrder,
        },
        input,
        (id) => {
          const certificate = account.iot.describeCertificate({ certificateId: id });
          return {
            certificateArn: certificate.certificateArn,
            certificateId: id,
            status: certificate.status,
            certificateMode: 'DEFAULT',
            creationDate: seconds(certificate.creationMs),
          };
        },
      ),
  ),
  operation(
    'UpdateCertificate',
    'PUT',
    '/certificates/{certificateId}',
    { certificateId, newStatus: query(newStatus) },
    ({ account }, input) => account.iot.updateCertificate(input),
  ),
  operation(
    'DeleteCertificate',
    'DELETE',
    '/certificates/{certificateId}',
    { certificateId, forceDelete: query(optional(flag)) },
    ({ account }, input) => account.iot.deleteCertificate(input),
  ),
];
