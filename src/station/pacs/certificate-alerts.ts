// What a peer that asks for a certificate says of this station's, or of none.

export const asksForCertificate = 'it may ask for a certificate of this station';

/** OpenSSL's names of TLS alerts (RFC 8446 6.2) that are about our certificate, in words. */
export const certificateAlerts: Readonly<Record<string, string>> = {
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    'it asks for a certificate of this station. Choose one that it knows, and its key, for this peer',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not know the authority that signed this station’s certificate',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'it does not take this station’s certificate',
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: 'it does not take this kind of certificate from this station',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'this station’s certificate has expired',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: 'this station’s certificate was revoked',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: `it does not agree on TLS; ${asksForCertificate}`,
};
