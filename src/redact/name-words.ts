/**
 * The words by which a name gives a secret away, in the languages that are written most, and those beside them that say that it
 * is none. Tables of data: names.ts reads them.
 */

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
    "key content,code wifi,wifi code,authtok,password,passwd,passphrase,passcode,pwd,pswd,psk,passkey,pass phrase,pass code,pass-code,pass-phrase",
    ",",
  ),
  pass: ["pass"],
  secret: list(
    "secret token credential apikey devopspat extpat githubpat gitlabpat authkey keymaterial erlangcookie",
  ).concat("secret value", "token value", "erlang_cookie", "erlang.cookie"),
  key: ["key", "auth", "_pat", "-pat", ".pat", " pat", "salt"],
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
      "config:get,consul keygen,nomad operator gossip keyring generate,print-identity-token,bw generate,reset-password,initial-password,makepasswd,mkpasswd",
    ",",
  ),
  vague: [],
  pin: list(
    "pin,puk,zoom passcode,meeting passcode,door code,gate code,entry code,alarm code,verification code,security code,one-time code,one time code,otp," +
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
    ...list(
      "api キー,api 키,secreto,segredo,sekret,khóa api,kunci api,مفتاح api,api कुंजी,секретный ключ,секретний ключ",
      ",",
    ),
    ...list(
      "таен ключ,μυστικό κλειδί,गुप्त कुंजी,tajný klíč,tajný kľúč,tajni ključ,tajny klucz,מפתח סודי,המפתח הסודי",
      ",",
    ),
    ...list("khóa bí mật,المفتاح السري,مفتاح سري,کلید مخفی,비밀 키,비밀키,秘密鍵,シークレットキー,gizli anahtar", ","),
    ...list(
      "kunci rahasia,titkos kulcs,salainen avain,hemlig nyckel,hemliga nyckel,hemmelig nøgle,hemmelig nøkkel",
      ",",
    ),
    ...list("geheime sleutel,geheimer schlüssel,geheime schlüssel,cheie secretă,cheia secretă,clau secreta", ","),
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

export const KINDS = new Map<string, NameKind>();
for (const table of [FOREIGN, ENGLISH]) {
  for (const [kind, words] of Object.entries(table))
    for (const word of words) KINDS.set(word.toLowerCase(), kind as NameKind);
}
/** Too short to be looked for alone: the last one is Dutch. */
export const SHORT_WORDS = ["pw", "ww"];
for (const word of SHORT_WORDS) KINDS.set(word, "password");

export const ENGLISH_WORDS = new Set([...SHORT_WORDS, ...Object.values(ENGLISH).flat()]);
/** What may follow the word in a secret's name: SECRET_KEY_BASE, password2, tokenProd. Not: tokenizer, password_hash. */
const TAIL_WORDS =
  "key keys base value val prod production dev staging stage live test local primary secondary main old new current " +
  "default admin root user db api app b64 plain text string str raw access rw ro ci private secret this result";
/** One digit at a time: any number of them, in any number of ways, would be a pattern that never ends. */
export const NAME_TAIL = new RegExp(`^s?(?:[_.-]?(?:${TAIL_WORDS.replaceAll(" ", "|")}|[0-9]))*$`, "i");
/** The last word before it, when the name is no secret's: nextPageToken, publicKey. */
export const NO_SECRET = new Set(
  list(
    "next prev previous page paging pagination continuation cancelation cancellation cancel sync cursor " +
      "resume public publishable site anon eos bos pad unk sep cls mask stop start end cache primary foreign " +
      "sort partition idempotency row object index translation max min num total input output prompt completion " +
      "cached per forgot reset show hide toggle no has is bad wrong invalid missing change confirm generate " +
      "from design color colour syntax lexer first last keyboard shortcut hot error",
  ),
);
/** Of these, what says what a token is for: password_reset_token. */
export const TOKEN_FOR = new Set(list("reset confirm change forgot invite"));
/** The same before a key or token: it is one of two, or its name. A password of theirs is one. */
export const NO_SECRET_KEY = new Set(list("rsa dsa ecdsa gpg pgp ssh"));
/** The last word before "key" that makes it a secret one. */
export const SECRET_KEY = new Set(
  list(
    "api access secret private auth authorization authentication signing signature encryption encrypt crypto " +
      "cipher aes hmac master account service license licence app application admin write ingest client server " +
      "deploy shared session cookie consumer subscription function functions storage consumer integration routing " +
      "project security webhook jwt stripe openai anthropic mistral cohere datadog dd pagerduty algolia fastly " +
      "honeycomb team segment sendgrid mailgun postmark azure heroku cloudflare newrelic relic rails django " +
      "flask laravel host management maps rest global developer user restricted live test prod " +
      "fernet nonce in setup unseal activation unlock wallet network wifi wlan wpa pairing preshared pre-shared " +
      "twilio sentry mapbox github gitlab slack vercel netlify cloudinary pusher posthog mixpanel amplitude intercom zendesk " +
      "shopify supabase firebase openrouter groq deepl linode hetzner vultr vonage nexmo plaid paypal square braintree " +
      "decryption validation stream vault backup ingestion",
  ),
);
export const SECRET_KEY_END = /(?:api|secret|access|private|license|encryption|signing|fernet|auth)$/;

/** Before "pass" and "pw", written together with it: dbpass, bindpw. */
export const JOINED_BEFORE_PASS =
  /(?:^|[^a-z])(?:db|database|user|root|admin|mysql|smtp|mail|ftp|ssh|store|key|bind|ldap|redis|auth|http|proxy|login|wifi|api|sudo|svc|vpn|srcstore|deststore|srckey|destkey|truststore|keystore)$/i;

/** Before "pass" alone: whose password it is. Other passes are runs, verdicts and verbs. */
export const OWNER_BEFORE_PASS =
  /(?:smtp|e?mail|db|database|become|user|root|admin|my|mysql|sql|pg|postgres|redis|rabbitmq|mq|amqp|mongo|ftp|sftp|ssh|http|https|basic|auth|proxy|sudo|login|wifi|ldap|bind|app|api|account|svc|service|default|key|store|keystore|cert|client|server|host|imap|pop3?|irc|vpn|web|wp|ssl|p12|pfx|jwt|test|guest|owner|remote|backup|dev|prod|stage|staging|bot|oracle|mssql|sa|ora|es|elastic|kafka|nats|mqtt|broker|cache|registry|docker|git|npm|nexus)s?[._-]?$/i;

/** Before "pass" in a sentence, with a blank between them. */
export const SPOKEN_OWNER =
  /(?:^|[^\p{L}])(?:wi-?fi|wlan|router|admin|root|sudo|db|database|smtp|vpn|ftp|ssh|login) $/iu;

/** Before "key" in sentences about any: "is the key to success". */
export const NO_OWNER = new Set(list("the a an that its his her their which each any every another one only of no"));
export const VAGUE_KEY = new Set(["primary", "secondary"]);
