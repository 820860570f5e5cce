/**
 * The names of secrets: the words by which a name gives one away, in the languages that are written most, and what else in
 * the name says that it is none. Tables of data, and where a name begins and ends; what stands behind it is looked at in
 * assignments.ts, mentions.ts and tables.ts.
 */
import { isWords } from "./words.ts";

/**
 * `pass` is a verdict and a verb too, and `key` needs a word before it. Behind a `code` stand groups of characters, behind a
 * `phrase` words, behind a `login` a user and a password, behind a `user` the password, behind an `output` what was printed, and a
 * `vague` key is of something that is not known.
 */
export type NameKind =
  | "password"
  | "pass"
  | "secret"
  | "key"
  | "phrase"
  | "session"
  | "code"
  | "login"
  | "user"
  | "output"
  | "vague"
  | "pin";

/** By which name a secret is told that stands behind one of these. */
export const RULE_OF: Readonly<Record<NameKind, string>> = {
  password: "password-assignment",
  pass: "password-assignment",
  login: "password-assignment",
  user: "password-assignment",
  pin: "password-assignment",
  secret: "secret-assignment",
  key: "secret-assignment",
  phrase: "secret-assignment",
  code: "secret-assignment",
  output: "secret-assignment",
  vague: "secret-assignment",
  session: "session-cookie",
};

const list = (words: string, separator = " ") => words.split(separator);

/** English words, as they stand in identifiers too. */
const ENGLISH: Readonly<Record<NameKind, readonly string[]>> = {
  password: list(
    "key content,code wifi,wifi code,password,passwd,passphrase,passcode,pwd,pswd,psk,passkey,pass phrase,pass code,pass-code,pass-phrase",
    ",",
  ),
  pass: ["pass"],
  secret: list("secret token credential apikey devopspat authkey keymaterial"),
  key: ["key", "auth", "_pat", "-pat", "salt"],
  phrase: list(
    "mnemonic,seed-phrase,recovery-phrase,seed words,seed phrase,seed_phrase,recovery phrase,recovery_phrase,seedphrase,backup phrase,wallet seed",
    ",",
  ),
  session: ["sess", "sid", "remember"],
  code: list(
    "recovery code,recovery_code,recoverycode,recovery-code,backup code,backup_code,backupcode,backup-code,scratch code," +
      "emergency code,rescue code,2fa code,recovery key,recovery_key,recoverykey,recovery-key,recoverypassword," +
      "recovery password,license key,licence key,license_key,licence_key,licensekey,license-key,product key,product_key," +
      "productkey,product-key,serial key,serialkey,activation key,activation_key,activation code," +
      "activation_code,cd key,volume key,bitlocker,verification codes,totp secret,otp secret,2fa secret,mfa secret,mfa_seed,totp_seed,otp_seed,base32stringseed,authenticator key,setup key,totp seed,otp seed,mfa seed,2fa seed,manual entry key",
    ",",
  ),
  login: list("credentials,creds,login,log in,logged in,sign in,signed in,basic auth", ","),
  user: list("admin root postgres administrator deploy"),
  output: list(
    "pwgen,openssl rand,wg genkey,wg genpsk,urandom,token_hex,token_urlsafe,apg -,key:generate,genpass,pass show,op read," +
      "vault kv get,vault read,bw get,secret-tool lookup,get-secret-value,print-access-token,auth token,gopass,lpass show," +
      "generic-password,internet-password,base64 -d,base64 --decode,versions access,printenv,get-login-password,auth:token," +
      "config:get,print-identity-token,bw generate,reset-password,initial-password,makepasswd,mkpasswd",
    ",",
  ),
  vague: [],
  pin: list(
    "pin,puk,door code,gate code,entry code,alarm code,verification code,security code,one-time code,one time code,otp," +
      "one-time password,login code,access code,unlock code,confirmation code",
    ",",
  ),
};

/** The same in other languages, where endings may follow: Passwörter, lösenordet, паролем. */
const FOREIGN: Readonly<Partial<Record<NameKind, readonly string[]>>> = {
  password: [
    ...list(
      "passwort passwoert kennwort contraseña contrasena contrasenya senha wachtwoord passord lösenord lösen losenord",
    ),
    ...list("adgangskode kodeord salasana heslo heslem hasło hasła hasłem haslo jelszó jelszav jelszo parola parolă"),
    ...list(
      "parole şifre sifre lozinka zugangscode toegangscode åtkomstkod lozinku nenosiri slaptažodis slaptažodž salasõna",
    ),
    ...list(
      "пасс пароль паролем пароля паролю парола парол лозинка гасло κωδικός κωδικό συνθηματικό סיסמה סיסמא סיסמת",
    ),
    ...list("पासवर्ड পাসওয়ার্ড پاسورڈ رمزعبور 密码 密碼 口令 パスワード 暗証番号 비밀번호 비번 암호 패스워드 รหัสผ่าน"),
    ...list("கடவுச்சொல் పాస్‌వర్డ్ ಪಾಸ್‌ವರ್ಡ್ પાસવર્ડ"),
    ...list(
      "mot de passe,mdp,kata sandi,kata laluan,mật khẩu,mat khau,palavra-passe,palavra passe,palabra clave,clave,code d'accès,código de acceso",
      ",",
    ),
    ...list(
      "kod dostępu,giriş kodu,код доступа,código de acesso,codice di accesso,clave de acceso,parola d'ordine,chiave di rete,clé wifi,clé wi-fi,clé réseau,clave wifi",
      ",",
    ),
    ...list("كلمة المرور,كلمة السر,كلمة مرور,كلمه عبور,رمز عبور,گذرواژه,پاس ورڈ,wlan-schlüssel,wifi-schlüssel", ","),
    ...list("netzwerkschlüssel,wlan-key,wpa-schlüssel,masterpasswort,ключ wifi,ключ wi-fi", ","),
  ],
  // Also of doors and tables: only what chance made, or is written as no word is, counts behind it.
  pin: list(
    "türcode,bestätigungscode,sicherheitscode,code de vérification,code de sécurité,código de verificación,codice di verifica," +
      "código de verificação,verificatiecode,kod weryfikacyjny,verifieringskod,код подтверждения,пин-код,验证码,인증번호,doğrulama kodu",
    ",",
  ),
  key: list("schlüssel clé chiave chave klíč kľúč ključ sleutel nyckel nøgle nøkkel klucz anahtar ключ kulcs avain"),
  secret: [
    ...list(
      "geheimnis jeton токен токеном секрет トークン シークレット 令牌 密钥 密鑰 金鑰 秘钥 토큰 시크릿 APIキー gizli टोकन",
    ),
    ...list(
      "api-schlüssel,clé api,clé d'api,clé secrète,clave api,clave de api,clave secreta,chave de api,chave api",
      ",",
    ),
    ...list(
      "chave secreta,chiave api,chiave segreta,klucz api,api anahtarı,api-sleutel,api-nyckel,ключ api,api-ключ",
      ",",
    ),
    ...list("api キー,api 키,secreto,segredo,sekret,khóa api,kunci api,مفتاح api,api कुंजी,секретный ключ", ","),
  ],
  code: list(
    "codes de secours,code de secours,códigos de respaldo,wiederherstellungsschlüssel,wiederherstellungscode,lizenzschlüssel,produktschlüssel,sicherungscode,code de récupération," +
      "codes de récupération,clé de récupération,clé de licence,clé de produit,código de recuperación,códigos de recuperación," +
      "clave de recuperación,clave de licencia,código de recuperação,códigos de recuperação,codice di recupero,codici di recupero," +
      "herstelcode,herstelsleutel,licentiesleutel,kod odzyskiwania,kody odzyskiwania,återställningskod,licensnyckel," +
      "код восстановления,коды восстановления,резервные коды,ключ восстановления,лицензионный ключ,恢复代码,恢复密钥,备份码," +
      "リカバリーコード,バックアップコード,복구 코드,kurtarma kod",
    ",",
  ),
  login: list(
    "zugangsdaten anmeldedaten identifiants credenciales credenciais credenziali inloggegevens inloggningsuppgifter inloggning логин " +
      "zugang accès acceso accesso acesso inlog inlogg dostęp доступ girişi 账号 帳號 アカウント ログイン 계정 einloggen anmelden inloggen zaloguj entra connecte-toi",
  ).concat(
    "dane logowania",
    "giriş bilgileri",
    "учётные данные",
    "учетные данные",
    "log på",
    "logga in",
    "dados de acesso",
    "данные для входа",
  ),
};

const KINDS = new Map<string, NameKind>();
for (const table of [FOREIGN, ENGLISH]) {
  for (const [kind, words] of Object.entries(table))
    for (const word of words) KINDS.set(word.toLowerCase(), kind as NameKind);
}
/** Too short to be looked for alone: the last one is Dutch. */
const SHORT_WORDS = ["pw", "ww"];
for (const word of SHORT_WORDS) KINDS.set(word, "password");

const ENGLISH_WORDS = new Set([...SHORT_WORDS, ...Object.values(ENGLISH).flat()]);
const isLatin = (word: string) => /^[\x20-\xff]+$/.test(word);
const isAscii = (word: string) => /^[\x20-\x7e]+$/.test(word);

/** In a script without blanks, a word of two characters is looked for together with what may stand behind it. */
const SHORT_WORD_ENDS = [..."：:=是为為改はをが\"'`*|)）]」』“「\t \u3000은는이가을를"];
const ENDS = [...":=\"'`| -\n"];

interface Start {
  readonly literal: string;
  readonly exact: boolean;
  readonly word: string;
}

/** The literals at which `nameAt` is to be asked, each with the word that it stands for. */
export const NAME_STARTS: readonly Start[] = [...KINDS.keys()].flatMap((word): Start[] => {
  if (SHORT_WORDS.includes(word)) return ENDS.map((end) => ({ literal: word + end, exact: false, word }));
  if (isAscii(word)) return [{ literal: word, exact: false, word }];
  if (word.length < 3) return SHORT_WORD_ENDS.map((end) => ({ literal: word + end, exact: true, word }));
  // The low bytes of Latin letters tell no case either; those of others do.
  if (isLatin(word))
    return [...new Set([word, word.normalize("NFD")])].map((literal) => ({ literal, exact: false, word }));
  const spellings = [word, word.charAt(0).toUpperCase() + word.slice(1), word.toUpperCase()];
  const composed = spellings.flatMap((spelling) => [spelling, spelling.normalize("NFD")]);
  return [...new Set(composed)].map((literal) => ({ literal, exact: true, word }));
});

/** What may follow the word in a secret's name: SECRET_KEY_BASE, password2, tokenProd. Not: tokenizer, password_hash. */
const TAIL_WORDS =
  "key keys base value val prod production dev staging stage live test local primary secondary main old new current " +
  "default admin root user db api app b64 plain text string str raw access rw ro ci private secret this result";
/** One digit at a time: any number of them, in any number of ways, would be a pattern that never ends. */
const TAIL = new RegExp(`^s?(?:[_.-]?(?:${TAIL_WORDS.replaceAll(" ", "|")}|[0-9]))*$`, "i");
/** The last word before it, when the name is no secret's: nextPageToken, publicKey. */
const NO_SECRET = new Set(
  list(
    "next prev previous page paging pagination continuation cancelation cancellation cancel sync cursor " +
      "resume public publishable site anon eos bos pad unk sep cls mask stop start end cache primary foreign " +
      "sort partition idempotency row object index translation max min num total input output prompt completion " +
      "cached per forgot reset show hide toggle no has is bad wrong invalid missing change confirm generate " +
      "from design color colour syntax lexer first last keyboard shortcut hot error",
  ),
);
/** The same before a key or token: it is one of two, or its name. A password of theirs is one. */
const NO_SECRET_KEY = new Set(list("rsa dsa ecdsa gpg pgp ssh"));
/** The last word before "key" that makes it a secret one. */
const SECRET_KEY = new Set(
  list(
    "api access secret private auth authorization authentication signing signature encryption encrypt crypto " +
      "cipher aes hmac master account service license licence app application admin write ingest client server " +
      "deploy shared session cookie subscription function functions storage consumer integration routing " +
      "project security webhook jwt stripe openai anthropic mistral cohere datadog dd pagerduty algolia fastly " +
      "honeycomb team segment sendgrid mailgun postmark azure heroku cloudflare newrelic relic rails django " +
      "flask laravel host management maps rest global developer user restricted live test prod " +
      "fernet nonce in setup unseal activation unlock wallet network wifi wlan wpa pairing preshared pre-shared " +
      "twilio sentry mapbox github gitlab slack vercel netlify cloudinary pusher posthog mixpanel amplitude intercom zendesk " +
      "shopify supabase firebase openrouter groq deepl linode hetzner vultr vonage nexmo plaid paypal square braintree " +
      "twilio sentry mapbox github gitlab slack vercel netlify cloudinary pusher posthog mixpanel amplitude intercom zendesk " +
      "shopify supabase firebase openrouter groq deepl linode hetzner vultr vonage nexmo plaid paypal square braintree " +
      "decryption validation stream vault backup ingestion",
  ),
);
const SECRET_KEY_END = /(?:api|secret|access|private|license|encryption|signing|fernet|auth)$/;

/** How much of a name is looked at, in characters. */
const MAX_NAME_CHARS = 64;
/** The longest ending of a word in another language. */
const MAX_ENDING_CHARS = 6;
/** Shorter ones are parts of other words: mdp in cmdpath, clave in enclave. */
const MIN_INFLECTED_CHARS = 5;
const MIN_JOINED_CHARS = 6;

export interface Name {
  readonly kind: NameKind;
  readonly start: number;
  readonly end: number;
}

/** The secret's name that has this word in it, if it is one. @param length how long the word is in the text */
export function nameAt(text: string, at: number, word: string, length: number): Name | undefined {
  const kind = KINDS.get(word);
  if (kind === undefined) return undefined;
  if (word.length <= MAX_SHORT_CHARS && isAscii(word) && isByChance(text, at, length)) return undefined;
  if (!ENGLISH_WORDS.has(word)) return foreignName(text, at, word, kind, length);
  const { start, end } = nameAround(text, at, length);
  const tail = text.slice(at + length, end);
  const head = text.slice(Math.max(start, at - MAX_NAME_CHARS), at);
  if (isSecretsName({ text, start, at, word, head, tail }, kind)) return { kind, start, end };
  return word === "key" && isVagueKey(text, start, head, tail) ? { kind: "vague", start, end } : undefined;
}

/** A word of so many letters at most stands in some megabytes of base64, in any mix of capitals and small letters. */
const MAX_SHORT_CHARS = 6;
/** Of so many, in each of them, also in letters that somebody could have meant. */
const MAX_SHORTEST_CHARS = 4;
/** How far before it a run of base64 is looked for, in characters. */
const RUN_CHARS = 12;

/** Whether a short word is one by chance: in letters that nobody would write it with, or at the end of a run of base64. */
function isByChance(text: string, at: number, length: number): boolean {
  const spelling = text.slice(at, at + length).replace(/[^A-Za-z]/g, "");
  if (!/^(?:[a-z]+|[A-Z]+|[A-Z][a-z]+|[A-Za-z][a-z]{2,}[A-Z][a-z]+)$/.test(spelling)) return true;
  if (length > MAX_SHORTEST_CHARS) return false;
  const before = /[A-Za-z0-9+/]*$/.exec(text.slice(Math.max(0, at - RUN_CHARS), at))?.[0] ?? "";
  const after = /^[A-Za-z0-9+/]*/.exec(text.slice(at + length, at + length + RUN_CHARS))?.[0] ?? "";
  if (isMixed(before) || isMixed(after) || /[+/][A-Za-z0-9]/.test(after)) return true;
  if (before === "" || before === before.toUpperCase()) return false;
  // dbpwd, db/pwd, dbPwd, userPWD
  return !(spelling === spelling.toLowerCase() ? /[a-z/]$/ : /[a-z]{2}$/).test(before);
}

/** Capitals among small letters, digits and signs of base64, and no words of a name. */
function isMixed(run: string): boolean {
  if (run.includes("+") || /[A-Za-z].*\d.*[A-Za-z/]/.test(run)) return true;
  if (!/[A-Z]/.test(run) || !/[a-z0-9+/]/.test(run)) return false;
  const words = run.split(/(?=[A-Z])/);
  // Of three letters, chance makes words as well.
  return !words.every((word) => JOINED.test(word) || (/^[A-Za-z]{4,}$/.test(word) && isWords(word)));
}

function foreignName(text: string, at: number, word: string, kind: NameKind, length: number): Name | undefined {
  const { start } = nameAround(text, at, length);
  const end = at + length;
  if (isCjk(word)) return { kind, start, end };
  if (/\p{L}$/u.test(text.slice(Math.max(0, at - 2), at)) && !isCompound(text, at, word)) return undefined;
  const after = text.slice(end, end + MAX_ENDING_CHARS + 1);
  const ending = word.length < MIN_INFLECTED_CHARS ? "" : (/^[\p{Ll}\p{M}]*/u.exec(after)?.[0] ?? "");
  if (
    ending.length > MAX_ENDING_CHARS ||
    /^[\p{L}\p{N}_]/u.test(text.slice(end + ending.length, end + ending.length + 1))
  )
    return undefined;
  return { kind, start, end: end + ending.length };
}

/** Datenbankpasswort, wifilösenord: words are written together in some languages. */
const isCompound = (text: string, at: number, word: string) =>
  /^[\p{sc=Hebrew}\p{sc=Arabic}]/u.test(word) ||
  (word.length >= MIN_JOINED_CHARS && /\p{Ll}/u.test(text.charAt(at - 1)) && /\p{Ll}/u.test(text.charAt(at)));

function nameAround(text: string, at: number, length: number): { start: number; end: number } {
  let start = at;
  while (start > 0 && at - start < MAX_NAME_CHARS && isNameCode(text.charCodeAt(start - 1))) start--;
  let end = at + length;
  while (end < text.length && end - at < MAX_NAME_CHARS && isNameCode(text.charCodeAt(end))) end++;
  // "-->" and "token." are no part of a name, and a sentence's end is none either.
  while (end > at + length && /[.-]/.test(text.charAt(end - 1))) end--;
  while (start < at && /[.-]/.test(text.charAt(start))) start++;
  return { start, end };
}

/** Before "pass" and "pw", written together with it: dbpass, bindpw. */
const JOINED =
  /(?:^|[^a-z])(?:db|database|user|root|admin|mysql|smtp|mail|ftp|ssh|store|key|bind|ldap|redis|auth|http|proxy|login|wifi|api|sudo|svc|vpn|srcstore|deststore|srckey|destkey|truststore|keystore)$/i;

/** A letter, a digit, or one of "_-.". */
function isNameCode(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    code === 45 ||
    code === 46
  );
}

/** Before "pass" alone: whose password it is. Other passes are runs, verdicts and verbs. */
const PASS_OF =
  /(?:smtp|e?mail|db|database|become|user|root|admin|my|mysql|sql|pg|postgres|redis|rabbitmq|mq|amqp|mongo|ftp|sftp|ssh|http|https|basic|auth|proxy|sudo|login|wifi|ldap|bind|app|api|account|svc|service|default|key|store|keystore|cert|client|server|host|imap|pop3?|irc|vpn|web|wp|ssl|p12|pfx|jwt|test|guest|owner|remote|backup|dev|prod|stage|staging|bot|oracle|mssql|sa|ora|es|elastic|kafka|nats|mqtt|broker|cache|registry|docker|git|npm|nexus)s?[._-]?$/i;

/** A word in a text, and what is written together with it: the name's beginning and end. */
interface Within {
  readonly text: string;
  readonly start: number;
  readonly at: number;
  readonly word: string;
  readonly head: string;
  readonly tail: string;
}

/** Of each of these kinds, whether the word with what is around it is a name; the others are judged by the word before it. */
const IS_NAME: Readonly<Partial<Record<NameKind, (name: Within) => boolean>>> = {
  session: () => true,
  output: () => true,
  login: ({ head, tail }) => head === "" && /^(?:s|-?in)?$/.test(tail),
  user: ({ head, tail }) => head === "" && /^(?:s|-?in)?$/.test(tail),
  pin: ({ head, tail }) => TAIL.test(tail) && (head === "" || /[._-]$/.test(head)),
  code: ({ tail }) => TAIL.test(tail),
  phrase: ({ tail }) => TAIL.test(tail),
};

/** The same of single words, behind which nothing else may stand. */
const IS_WORD: Readonly<Record<string, (name: Within) => boolean>> = {
  _pat: ({ tail }) => tail === "",
  "-pat": ({ tail }) => tail === "",
  auth: ({ text, at, head, tail }) => tail === "" && (/[_-]$/.test(head) || /[?&]$/.test(text.charAt(at - 1))),
  salt: ({ text, at, head }) =>
    /[A-Za-z][_-]$|[a-z]$/.test(head) && (head.endsWith("_") || head.endsWith("-") || text.charAt(at) === "S"),
};

function isSecretsName(name: Within, kind: NameKind): boolean {
  const { text, start, at, word, head, tail } = name;
  if (SHORT_WORDS.includes(word)) return tail === "" && isShortName(name);
  const isName = IS_NAME[kind];
  if (isName !== undefined) return isName(name);
  if (!TAIL.test(tail) && !(word === "secret" && /^_?id$/i.test(tail))) return false;
  // "API key: …" is written with a space.
  const before = wordBefore(head === "" ? text.slice(Math.max(0, at - 16), at) : head);
  if (NO_SECRET.has(before) || (kind !== "password" && NO_SECRET_KEY.has(before))) return false;
  const isWord = IS_WORD[word];
  if (isWord !== undefined) return isWord(name);
  if (kind === "pass") return isPassName(text, start, head, tail, at);
  return kind !== "key" || SECRET_KEY.has(before) || SECRET_KEY_END.test(before);
}

/** `pw` is too short to be looked for within words. */
function isShortName({ text, at, head }: Within): boolean {
  if (head === "") return !/\p{L}$/u.test(text.slice(Math.max(0, at - 2), at));
  return /[._-]$/.test(head) || JOINED.test(head);
}

/** `cosmos_primary_key`, `ACME_KEY`, "the Okta key": none of the keys that are known to be no secrets. */
function isVagueKey(text: string, start: number, head: string, tail: string): boolean {
  const before = wordBefore(head === "" ? text.slice(Math.max(0, start - 16), start) : head);
  // Turkey and monkeys have no keys.
  if (
    tail !== "" ||
    !(head === "" || /[_-]$/.test(head) || (/[a-z0-9]$/.test(head) && text.charAt(start + head.length) === "K"))
  )
    return false;
  return VAGUE_KEY.has(before) || !(NO_SECRET.has(before) || NO_SECRET_KEY.has(before) || NO_OWNER.has(before));
}

/** Before "key" in sentences about any: "is the key to success". */
const NO_OWNER = new Set(list("the a an that its his her their which each any every another one only of no"));
const VAGUE_KEY = new Set(["primary", "secondary"]);

const isCjk = (word: string) => /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}]/u.test(word);

/** smtp_pass, MAIL_PASS, mailPass, "pass", pass=; not: bypass, compass, PASS: …, --pass: #fff, first_pass. */
function isPassName(text: string, start: number, head: string, tail: string, at: number): boolean {
  if (!/^\d?$/.test(tail)) return false;
  const around = text.slice(Math.max(0, start - 2), start);
  if (head === "") {
    const next = text.charAt(at + 4 + tail.length);
    return (
      (next === ":" &&
        /(?:^|\n|[/|,] ?)$/.test(text.slice(Math.max(0, start - 2), start)) &&
        text.charAt(at + 1) === "a") ||
      next === "=" ||
      /^\n? - \S*\d/.test((around === "" || around.endsWith("\n") ? "\n" : "") + text.slice(at + 4, at + 40)) ||
      around.endsWith("$") ||
      /["'`]$/.test(around) ||
      (/--?$/.test(around) && next !== ":") ||
      (next === ":" && text.charAt(at) === "p")
    );
  }
  if (JOINED.test(head)) return true;
  return PASS_OF.test(head.replace(/([a-z])(?=[A-Z])/g, "$1_")) && (/[._-]$/.test(head) || text.charAt(at) === "P");
}

/** The last word of a name's beginning, in small letters. */
function wordBefore(head: string): string {
  let end = head.length;
  while (end > 0 && /[_. \d-]/.test(head.charAt(end - 1))) end--;
  let start = end;
  while (start > 0 && end - start < 20 && isLetter(head.charCodeAt(start - 1))) {
    start--;
    // A capital behind a small letter or a digit begins a word.
    if (start > 0 && head.charCodeAt(start) < 97 && !isCapital(head.charCodeAt(start - 1))) break;
  }
  return head.slice(start, end).toLowerCase();
}

const isCapital = (code: number) => code >= 65 && code <= 90;
const isLetter = (code: number) => isCapital(code) || (code >= 97 && code <= 122);

/** Behind these stand no secrets in a column, or too much else does. */
const UNLABELLED = new Set<NameKind>(["session", "login", "user", "output", "vague", "pin"]);
const LABEL_WORDS = [...KINDS]
  .filter(([word, kind]) => !UNLABELLED.has(kind) && !/^[_-]/.test(word) && !["key", "auth", "salt"].includes(word))
  .map(([word]) => word);

/** What a label says that stands alone: a heading of a table, a field's. */
const LABEL = new RegExp(
  `(?:^|[^\\p{L}])(?:${LABEL_WORDS.join("|")}|api[ _-]?key|access[ _-]?key|secret[ _-]?key)s?[\\p{Ll}]{0,3}(?:\\s*[(/].*)?[\\s*_\`"':?]*$`,
  "iu",
);
const IN_LABELS = new Set([...LABEL_WORDS, "key"]);

/** Whether a label may end with this word of NAME_STARTS. */
export function mayEndLabel(word: string): boolean {
  return IN_LABELS.has(word);
}

const MAX_LABEL_CHARS = 48;

export function isSecretsLabel(label: string): boolean {
  return label.length <= MAX_LABEL_CHARS && LABEL.test(label.trim());
}
