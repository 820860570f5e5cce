/**
 * The worked example of src/protocol/README.md, frozen: one whole conversation. Made once by this project's code, and
 * checked against a second implementation. Lower-case hex; scalars are little-endian. The page shows the same values.
 */

/** What is chosen; everything below follows from it. */
export const GIVEN = {
  secret: "crisp-orbit-lunar",
  room: "7f3k2a",
  sid: "00112233445566778899aabbccddeeff",
  scalarA: "a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf0a",
  scalarB: "b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf0b",
  title: "Parser hand-off",
  sharedAt: "2026-11-20T10:00:00.000Z",
  transfer: "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
  document: "# Parser hand-off\n\nThe lexer is done. Next: error recovery, then its tests.\n",
} as const;

/** What is computed on the way, in the order of the page. */
export const VALUES = {
  ci: "0f636c617564652d7370726561642f32",
  generatorString:
    "11435061636552697374726574746f3235351163726973702d6f726269742d6c756e61725b00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000100f636c617564652d7370726561642f321000112233445566778899aabbccddeeff",
  generator: "e48a9114a94904f1a4f28a4c32f3432e0eb3fa5620ff16572a01e72bfa036102",
  shareA: "24dcd9f91dcfff66e24b70273e5462a0de997f919421dab9887598a18b771d22",
  shareB: "92d70afb8330006251a56f3ff32356a6b5bd4a854e32662412d7325208c5fa03",
  helloDigest:
    "c0b6a17963fb2e0455cb7c650cf2d9be43f7f02d2a132e6d91218ee637901ac98070abd4fc3b1bddc57f0eafebb806d3fc6282f0be44654a260034cc1331ae15",
  adA: "08726563656976657240c0b6a17963fb2e0455cb7c650cf2d9be43f7f02d2a132e6d91218ee637901ac98070abd4fc3b1bddc57f0eafebb806d3fc6282f0be44654a260034cc1331ae15",
  adB: "0673656e646572063766336b3261",
  common: "06cde26ff1739b60b38b8b7e4c11060ed8e5e38f7d37675ba758785a9eac1a4e",
  isk: "769082b97f27196b48522cb567656cb507787c312169e47f40edfb8925059951fa9037593f0d6f7dc2ea2640215d1eaa2f99257919a38fa8a39bf900d73adcbf",
  macKey:
    "cbca61a671c1238fbdb7f7c6340ae4ec19267a1b0888e0f6812777c9c745780af2aa42b8660f419bafc66256e10aa910a3fc36ba8f8811aec16646290880294d",
  mac: "25eae114b380429da5c765f4327cfa517e5663e129aeea27e2c1bc869cbb8894c8f35749840ff1f2b788a07da011f5d5c54cda0e9188fa2aa2d576194d630d05",
  keyReceiver: "a669f4bd3825f1f69e54f61adcb6389462eb8834fc43f9431ea8c8669ea59171",
  keySender: "d18740c6b2844e0c97849ac5e2c7f1f4196571663d027d30c326391599f25843",
  sha256: "8be41fdd564481641eb0519b3af12f231add246c2e1fd3a7fef21737abef0e2f",
} as const;

/** The handshake: text frames. */
export const SPOKEN = [
  {
    name: "HELLO",
    from: "receiver",
    text: '{"type":"HELLO","version":2,"suite":"CPACE-RISTR255-SHA512+AES-256-GCM","sid":"00112233445566778899aabbccddeeff","share":"24dcd9f91dcfff66e24b70273e5462a0de997f919421dab9887598a18b771d22"}',
  },
  {
    name: "PAKE",
    from: "sender",
    text: '{"type":"PAKE","sid":"00112233445566778899aabbccddeeff","room":"7f3k2a","share":"92d70afb8330006251a56f3ff32356a6b5bd4a854e32662412d7325208c5fa03"}',
  },
  {
    name: "CONFIRM",
    from: "receiver",
    text: '{"type":"CONFIRM","mac":"25eae114b380429da5c765f4327cfa517e5663e129aeea27e2c1bc869cbb8894c8f35749840ff1f2b788a07da011f5d5c54cda0e9188fa2aa2d576194d630d05"}',
  },
] as const;

/** The rest: binary frames, in hex. `body` is what is sealed behind the type byte, as UTF-8. */
export const SEALED = [
  {
    name: "READY",
    from: "receiver",
    type: 1,
    last: false,
    body: '{"type":"READY","kinds":["distillation"],"encodings":["br"],"max_bytes":1073741824}',
    frame:
      "00b6db57cee1cbefd179a915a5a47da26b5d0a57e7c0b0e09ecc5a31aa68f9a3d23574f4d4c5e14989ad57b2e617c8048ebe6052eb22f285bc3f6a52d9d2930c41a61953128ec52f57a6069282790f98f726625232d77cf11bb62b788b0bc021f7f58305ba",
  },
  {
    name: "OFFER",
    from: "sender",
    type: 1,
    last: false,
    body: '{"type":"OFFER","transfer":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","kind":"distillation","title":"Parser hand-off","shared_at":"2026-11-20T10:00:00.000Z","bytes":76,"sha256":"8be41fdd564481641eb0519b3af12f231add246c2e1fd3a7fef21737abef0e2f","encoding":"identity"}',
    frame:
      "00de9723b784dc362cb69d79a693028fd77e40b8c72aac773daf410e1d1db2af3e7a29f78bd1aaac1cc62ec7f014f091dd57b43ae55e7066398147ed026231af1274991d3314abe6729e7d1f7d2c731a07690e3d144d9e7d008edbf2e3bbaff65c2bded21196fb5136f06d5c09b6fa7c5e491ee447e0ceb9121c5661162fb649fa2946790968bc1d158d12d31752260c387e3bc6fd27a46735af1f5631fcbf33f910a7d722c7ca91a1c00944c700dda4a4af468fcb053a7470f0bf1c00635d9abdc57ac3c0f043ace4e7e302cbaed54550baeb61864618fc72301304c3f209d922ddef4379a16121def694a59e0aef8a0d0b51ed85b17df39381d97d2b94ce402a1df77646ac4e8f5ca9a845482dd816b158596d",
  },
  {
    name: "content",
    from: "sender",
    type: 3,
    last: false,
    body: "# Parser hand-off\n\nThe lexer is done. Next: error recovery, then its tests.\n",
    frame:
      "00d27db0c73354bdf68985e0f896e5ce7ac42485c4038490d6fdd954af6d8cba1656a876f4a7b6b9f2c307b86e2945f73e13a83732944b1b986172d50ee1d5ff8691bb733b8cc36fdd9c67dbf559a37efbf389a915c425f04736f28cba8b",
  },
  {
    name: "RECEIPT",
    from: "receiver",
    type: 1,
    last: true,
    body: '{"type":"RECEIPT","transfer":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","sha256":"8be41fdd564481641eb0519b3af12f231add246c2e1fd3a7fef21737abef0e2f"}',
    frame:
      "0194a33df669cf36bf84779517d0d66f5cd56d82677b5534ea61d038c187edd68dd62206012fbf485ffcd421281a60327a56e179202dff188927932d9f31625437147f64c1d53d00c8955efd71c6376e4d55cf2d90a43c6ef4d1257aa0282d7abda9d9e593fbd840ba0ffa3d81aefd84a9cc1b973d75e6d6b48c2e5cac622b470ccdc8f6a976bf0682654e5c0376eb9b8abf564d9984803c48232911e234",
  },
  {
    name: "DELIVERED",
    from: "sender",
    type: 1,
    last: true,
    body: '{"type":"DELIVERED","transfer":"0f1e2d3c4b5a69788796a5b4c3d2e1f0"}',
    frame:
      "01d5eacee98cd52a6d4220bf933d1f00e437b4d7bae9880f21239a855b6812f34b028cceb62fe403d6ce6299fb324cb544f87159a252155dd41cfa731defc686bad9f8b4a369c3cdb4d1f02e4508ed85da3da8c5",
  },
] as const;
