/** Passwords as arguments of commands, and in the lines that programs read commands from. */
import { LONG_EFFORT, type Rule } from "./rule.ts";
import { isTyped } from "./typed.ts";
import { looksChosen, looksRandom, NOT_A_PASSWORD } from "./values.ts";

const ARGUMENT = /[^\s"'`|;&<>]{4,120}/;
/** One letter, or a word of keytool's, anywhere in the command; the password is behind it. */
const FLAG = /[^\n|;`]{0,160}? -(?:p|a|w|P|A|storepass|keypass) ?/;
const QUOTED = /(?<=["'])[^\s"'`]{4,120}(?=["'])/;
/** What commands take as an argument: the password stands where `before` ends, quoted or not. */
function commandLine(starts: readonly string[], before: RegExp, value = ARGUMENT, flag?: RegExp): Rule {
  const finds = "passwords as arguments of commands, in .netrc, in SQL";
  const pattern = new RegExp(`${before.source}${flag?.source ?? ""}(?:\\\\?["'])?(?<secret>${value.source})`, "diy");
  return { id: "command-line-password", effort: LONG_EFFORT, finds, starts, pattern, valid: isTypedPassword };
}

export const COMMANDS: readonly Rule[] = [
  commandLine(
    ["-u ", "-u=", "--user", "--proxy-user", "-U "],
    /(?<=[\s"'`[,])(?:-u|-U|--(?:proxy-)?user)["']?[ =,]{1,2}\\?["']?(?:[\w.@\\][\w.@\\+-]{0,64})?:(?!\/\/)/,
  ),
  commandLine(
    ["mysql", "mariadb"],
    /(?:mysql|mariadb)[\w-]{0,12} (?:[^\n|;`]{0,200}? )?-p/,
    /(?!assword|ort)[^\s"'`]{4,120}/,
  ),
  commandLine(
    ["sshpass", "redis-cli", "keytool", "snmpwalk", "ipmitool", "unzip", "mosquitto_", "racadm", "ncftp", "certutil"],
    /(?:mosquitto_\w{3}|sshpass|redis-cli|keytool|snmpwalk|ipmitool|unzip|racadm|ncftp\w{3}|certutil)\b/,
    ARGUMENT,
    FLAG,
  ),
  commandLine(
    ["docker", "podman", "helm", "az ", "oc "],
    /(?:docker|podman|helm|az|oc)[^\n|;]{0,20}login\b/,
    ARGUMENT,
    FLAG,
  ),
  commandLine(["mongo"], /mongo(?:sh|dump|restore|import|export)?\b/, ARGUMENT, FLAG),
  commandLine(
    ["sqlcmd", "cqlsh", "isql", "bcp ", "influx", "ldap"],
    /(?:sqlcmd|cqlsh|isql|bcp|influx|ldap\w{3,8})\b/,
    ARGUMENT,
    FLAG,
  ),
  commandLine(["zip ", "7z ", "7za ", "rar "], /(?:zip|7za?|rar)\b[^\n|;`]{0,80}? -(?:p|P|hp) ?/),
  commandLine(["-pass"], /-pass(?:in|out|wd)?(?: |=)["']?pass:/),
  commandLine(
    ["echo ", "printf "],
    /(?:echo|printf) (?:-\w )?["']?(?:[\w.-]{1,32}:)?/,
    /[^\s"'`]{6,120}(?=(?:\\n)?["']? \| (?:sudo -S|(?:sudo )?chpasswd|passwd|docker login|gh auth|cryptsetup)|["']? > \S{0,60}passwd)/,
  ),
  commandLine(["htpasswd"], /htpasswd -\w{0,4}b\w{0,4} (?:\S{1,100} )?[\w.@-]{1,40} /),
  commandLine(["net use", "net user"], /net user? [^\n]{0,120}?(?:\/user:\S{1,60}|user \S{1,40}) /),
  commandLine(["xfreerdp", "rdesktop"], /(?:xfreerdp|rdesktop)[^\n|;]{0,160}? (?:\/p:|-p )/),
  commandLine(
    ["smbclient", "rpcclient", "smbmap", "net rpc"],
    /(?:smbclient|rpcclient|smbmap|net rpc) [^\n]{0,120}?-U[ =]?["']?[\w\\/.-]{1,60}%/,
  ),
  commandLine(["login "], /login\s{1,8}\S{1,80}\s{1,8}password\s{1,8}/),
  commandLine(["http -a", "https -a", "http --auth", "xh -a"], /\b(?:https?|xh) (?:-a|--auth)[ =]["']?[\w.@+-]{1,64}:/),
  commandLine(["oathtool"], /oathtool(?: -{1,2}[\w=-]{1,20}){0,4} /, /[A-Za-z2-7= ]{16,64}|[0-9a-f]{20,128}/),
  commandLine(["slmgr"], /slmgr(?:\.vbs)? [/-]ipk /),
  commandLine(["ssh-keygen"], /ssh-keygen [^\n]{0,120}?-[NP] /),
  commandLine(
    ["sqlplus", "expdp", "impdp", "sqlldr"],
    /(?:sqlplus|expdp|impdp|sqlldr)(?: -\w+){0,3} [\w.$#]{1,40}\//,
    /[^\s"'`|;&<>@]{4,120}/,
  ),
  commandLine(["rabbitmqctl"], /rabbitmqctl (?:add_user|change_password|authenticate_user) \S{1,60} /),
  commandLine(["wpa_passphrase"], /wpa_passphrase (?:"[^"\n]{1,40}"|'[^'\n]{1,40}'|\S{1,40}) /),
  commandLine(["ConvertTo-SecureString"], /convertto-securestring (?:-string )?/),
  commandLine(
    ["ngrok", "cargo login", "snyk auth", "vault login", "doctl"],
    /(?:ngrok (?:config add-)?authtoken|cargo login|snyk auth|vault login|doctl auth init (?:-t|--access-token)) /,
  ),
  commandLine(["rclone"], /rclone config [^\n]{0,120}? pass(?:word)?[ =]/),
  commandLine(["rocommunity ", "rwcommunity "], /r[ow]community6? /),
  commandLine(["BUNDLE_"], /bundle_[A-Z_]{3,80}(?:=|: ?)["']?[\w.@-]{1,60}:/),
  commandLine(["acl setuser"], /acl setuser [^\n]{0,60}?>/),
  commandLine(["user = "], /user = "[\w.@-]{1,60}:/),
  commandLine(["snmp-server community "], /snmp-server community /),
  commandLine(["tacacs-server ", "radius-server "], /(?:tacacs|radius)-server [^\n]{0,80}?key (?:[07] )?/),
  commandLine(["isakmp key "], /isakmp key (?:[06] )?/),
  commandLine(["password 0 ", "password 7 ", "secret 0 ", "secret 5 "], /(?:password|secret) [0567] /),
  commandLine(["P: ", "pw: "], /(?<=\bu(?:ser)?: ?\S{2,40}[ ,/\n]{1,3})p(?:w|ass)?: ?/),
  commandLine(["serial n"], /serial (?:number|no\.?)[^\n]{0,40}?[ :]/, /[A-Z0-9]{4,8}(?:-[A-Z0-9]{4,8}){2,7}/),
  commandLine(["curl -"], /curl -(?!u )[^\n|;]{0,80}?(?<=-[a-zA-Z]{0,6}u) ["']?[\w.@+-]{1,64}:/),
  commandLine(["snmp"], /snmp(?:walk|get|set|bulk\w{3,4}|table|trap)\b[^\n|;]{0,160}? -[cAX] /),
  commandLine(["set snmp community "], /set snmp community /),
  commandLine(["radtest "], /radtest \S{1,60} /),
  commandLine(["key-string ", "pre-shared-key "], /(?:key-string|pre-shared-key) (?:[067] )?/),
  commandLine(["key 7 ", "key 0 "], /(?<=\n[ \t]{1,8})key [07] /),
  commandLine([" secret "], /(?<=username \S{1,60} [^\n]{0,40})secret (?:[05] )?/),
  commandLine(["> AUTH "], /> auth (?:[\w.-]{1,40} (?=\S))?/),
  commandLine(["auth-pass "], /auth-pass \S{1,60} /),
  commandLine(["PASS "], /(?<=USER \S{1,60}\r?\n(?:[^\n]{0,80}\n)?)pass /),
  commandLine(["-setcookie "], /-setcookie /),
  commandLine(["net user "], /net user \S{1,40} /, /(?![/*])[^\s"'`|;&<>]{4,120}/),
  commandLine(["ab -"], /\bab -[^\n|;]{0,80}?-A [\w.@-]{1,40}:/),
  commandLine(["importprivkey "], /importprivkey /),
  commandLine(["operator unseal "], /operator unseal (?:-\S{1,40} )?/),
  commandLine(["lftp"], /lftp[^\n|;]{0,80}? -u ["']?[\w.@-]{1,40},/),
  commandLine(["swaks"], /swaks[^\n|;]{0,160}? (?:-ap|--auth-password) /),
  commandLine(["bundle config"], /bundle config (?:set )?(?:--\w{1,10} )?[\w.-]{3,60} [\w.@-]{1,60}:/),
  commandLine(
    ["mc alias set ", "mc config host add "],
    /mc (?:alias set|config host add) \S{1,40} \S{1,120} \S{1,80} /,
  ),
  commandLine(["option key "], /option key /, QUOTED),
  commandLine(["enable secret ", "enable password "], /enable (?:secret|password) (?:\d )?/),
  commandLine(["net use"], /net use (?:\w: )?\\{1,2}\S{1,120} /, /(?!\/)[^\s"'`|;&<>]{4,120}(?= \/user)/),
  commandLine(["winexe"], /winexe [^\n]{0,80}?-U[ =]?["']?[\w\\/.-]{1,60}%/),
  commandLine(
    ["unlock-keychain", "create-keychain", "security import"],
    /(?:\w{4,6}-keychain|security import)/,
    ARGUMENT,
    FLAG,
  ),
  commandLine(["--password-command"], /--password-command[ =]["']?echo /),
  commandLine(
    ["<<< "],
    /(?<=(?:password|passwd|login|cryptsetup|luks|sudo|kinit)[^\n]{0,120})<<< ["']/,
    /[^\s"'`]{6,120}(?=["'])/,
  ),
  commandLine(
    ['send "', 'send -- "'],
    /(?<=assword[^\n]{0,24}\n\s{0,8})send (?:-- )?"/,
    /[^\s"'`\\]{4,120}(?=\\[rn]")/,
  ),
  commandLine(["]:587 ", "]:465 ", "]:25 ", "]:2525 "], /\]:(?:587|465|25|2525) [\w.@+-]{1,64}:/),
  commandLine(["chpasswd:"], /chpasswd:[^\0]{0,60}?\n\s{2,16}(?:- )?[\w.-]{1,40}:/, /(?!\s)[^\s"'`]{6,120}/),
  commandLine(["cmdkey"], /cmdkey [^\n]{0,120}?\/pass:/),
  commandLine(["auth "], /^auth (?:default )?(?=\S*\d)/m, /[^\s"'`]{12,120}(?=["']?(?:\n|$))/),
  commandLine(["identified "], /identified (?:with \w{1,40} )?by (?:password )?/, QUOTED),
  commandLine(["password "], /password /, QUOTED),
  commandLine(["requirepass ", "masterauth "], /(?:requirepass|masterauth) /),
];

/** Functions that are called with a user and a password, by position; something else may come before. */
const CALLS =
  "PDO mysqli mysqli_connect getConnection NetworkCredential PSCredential UsernamePasswordCredentials PasswordAuthentication " +
  "UsernamePasswordAuthenticationToken HTTPBasicAuth BasicAuth basic_auth basicAuth SetBasicAuth setBasicAuth HTTPDigestAuth " +
  "login Login ftp_login imap_open ldap_bind simple_bind_s Credentials.basic auth createUser create_user add_user addUser " +
  "__construct WiFi.begin connect Connect PlainAuth plain_auth Credential Credentials PlainCredentials pg_connect";

/** `login("ann", "…")`, `new PDO(dsn, "ann", "…")`, `auth=("ann", "…")` */
function call(name: string): Rule {
  const pattern = new RegExp(
    `(?<![\\w])${name.replace(".", "\\.")}(?:\\(|=\\(| ?: ?\\[|\\s)(?:[^\\n"'\`(){}]{0,60},\\s{0,8}|\\s{0,8})(?:["'\`][^"'\`\\n]{0,120}["'\`]\\s{0,2},\\s{0,8}){1,2}` +
      "(?:/\\*[^*\\n]{0,20}\\*/ ?)?(?:Some\\(|secret\\()?[\"'`](?<secret>[^\"'`\\n]{6,120})[\"'`]",
    "dy",
  );
  return {
    id: "command-line-password",
    effort: LONG_EFFORT,
    finds: "",
    starts: [`${name}(`, `${name}=(`, `${name}: [`],
    pattern,
    valid: (secret) => isTyped(secret, "said") || looksRandom(secret, 12),
  };
}

/** Functions whose first literal is a secret, perhaps behind what it is applied to. */
const KEYED =
  "jwt.sign jwt.verify jwt.encode jwt.decode pyotp.TOTP TOTP Fernet cookieParser cookieSession createHmac hmac.new " +
  "signingKey SymmetricSecurityKey hmacShaKeyFor";

function keyed(name: string): Rule {
  const pattern = new RegExp(
    `(?<!\\w)${name.replace(".", "\\.")}\\(\\s{0,8}(?:[^\\n"'\`()]{1,60},\\s{0,8}|["'\`]sha\\d{1,3}["'\`],\\s{0,8})?b?["'\`](?<secret>[^"'\`\\n]{6,200})["'\`]`,
    "dy",
  );
  return {
    id: "command-line-password",
    effort: LONG_EFFORT,
    finds: "",
    starts: [`${name}(`],
    pattern,
    valid: (secret) => isTyped(secret, "near") || looksRandom(secret, 16),
  };
}

export const CALLED: readonly Rule[] = [...CALLS.split(" ").map(call), ...KEYED.split(" ").map(keyed)];

function isTypedPassword(secret: string): boolean {
  return looksChosen(secret, "settings") && !NOT_A_PASSWORD.test(secret);
}
