/** mDNS datagrams by hand (RFC 1035, section 4), for what no library would send. */

export const TYPE = { A: 1, PTR: 12, AAAA: 28, SRV: 33 } as const;

/** To the first name of a datagram. */
const POINTER = Buffer.from([0xc0, 12]);

/** A name of these labels, whatever is in them. */
export function dnsName(...labels: string[]): Buffer {
  const parts = labels.flatMap((label) => [Buffer.from([Buffer.byteLength(label)]), Buffer.from(label)]);
  return Buffer.concat([...parts, Buffer.alloc(1)]);
}

export function record(owner: Buffer, type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(10);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(1, 2); // class IN
  head.writeUInt32BE(120, 4); // seconds to live
  head.writeUInt16BE(data.length, 8);
  return Buffer.concat([owner, head, data]);
}

/** One name, of which all these types are asked. */
export function query(name: Buffer, types: readonly number[]): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(types.length, 4);
  const questions = types.map((type, i) => Buffer.concat([i === 0 ? name : POINTER, Buffer.from([0, type, 0, 1])]));
  return Buffer.concat([head, ...questions]);
}

export function response(records: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0x8400, 2); // an answer, authoritative
  head.writeUInt16BE(records.length, 6);
  return Buffer.concat([head, ...records]);
}

/** What one sender would say: its instance (one label), its port, and the addresses of its host, as bytes. */
export function senderRecords(
  instance: string,
  port: number,
  addresses: readonly number[][] = [],
  service = "_claude-spread",
): Buffer[] {
  const type = dnsName(service, "_tcp", "local");
  const fqdn = dnsName(instance, service, "_tcp", "local");
  const host = dnsName("host", "local");
  const srv = Buffer.alloc(6);
  srv.writeUInt16BE(port, 4);
  return [
    record(type, TYPE.PTR, fqdn),
    record(fqdn, TYPE.SRV, Buffer.concat([srv, host])),
    ...addresses.map((bytes) => record(host, bytes.length === 4 ? TYPE.A : TYPE.AAAA, Buffer.from(bytes))),
  ];
}
