/** What is wrong with a certificate, by the code of the error that refused it. Nothing here accepts a certificate. */
import { systemCode } from "../errors.ts";

/** OpenSSL's names for it as Node passes them on (its page on TLS lists them), and Node's own for a wrong host. */
const REFUSALS =
  /^(?:CERT_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_|UNABLE_TO_(?:GET_ISSUER|VERIFY_LEAF)|INVALID_(?:CA|PURPOSE)$|PATH_LENGTH_|HOSTNAME_MISMATCH$|ERR_TLS_CERT_)/;

/** @returns the rest of a sentence that begins with "the certificate", or undefined if `cause` is of another kind. */
export function describeCertificateError(cause: unknown): string | undefined {
  const code = systemCode(cause);
  if (code === undefined || !REFUSALS.test(code)) return undefined;
  switch (code) {
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return `is not valid at this time, or this machine's clock is wrong (${code})`;
    case "ERR_TLS_CERT_ALTNAME_INVALID":
    case "HOSTNAME_MISMATCH":
      return `is made for another host (${code})`;
    default:
      return `is not vouched for by any authority that this machine trusts (${code})`;
  }
}
