/** The addresses of webhooks: whoever has one may post to it, so its last part is a secret. One row a service. */
import type { Rule } from "./rule.ts";
import { standsForValue } from "./values.ts";

/** What the secret of a webhook's address is: all that comes behind the fixed part. */
function webhook(starts: readonly string[], before: RegExp, secret: RegExp): Rule {
  const finds = "Slack, Discord, Teams, Google Chat, Zapier, Make, IFTTT, Airtable, DingTalk, Feishu webhooks";
  const pattern = new RegExp(`${before.source}(?<secret>${secret.source})`, "diy");
  const valid = (found: string) => !standsForValue(found) && !/T0{6}|B0{6}|X{8}/i.test(found);
  return { id: "webhook-url", finds, starts, pattern, valid };
}

export const WEBHOOKS: readonly Rule[] = [
  webhook(["hooks.slack.com/"], /hooks\.slack\.com\/(?:services|workflows|triggers)\//, /[\w/-]{20,120}/),
  webhook(
    ["discord.com/api/", "discordapp.com/api/"],
    /discord(?:app)?\.com\/api\/(?:v\d{1,2}\/)?webhooks\//,
    /\d{15,21}\/[\w-]{50,90}/,
  ),
  webhook(
    [".webhook.office.com/", "outlook.office.com/webhook/"],
    /(?:\.webhook|outlook)\.office\.com\/webhook(?:b2)?\//,
    /[\w@/-]{60,250}/,
  ),
  webhook(["hooks.zapier.com/"], /hooks\.zapier\.com\/hooks\/catch\//, /\d{4,12}\/\w{5,20}/),
  webhook(["maker.ifttt.com/"], /maker\.ifttt\.com\/trigger\/[\w-]{1,60}\/(?:json\/)?with\/key\//, /[\w-]{20,60}/),
  webhook(
    ["open.feishu.cn/", "open.larksuite.com/"],
    /open\.(?:feishu\.cn|larksuite\.com)\/open-apis\/bot\/v2\/hook\//,
    /[\w-]{30,60}/,
  ),
  webhook(["hooks.airtable.com/"], /hooks\.airtable\.com\/workflows\/v1\/genericwebhook\//, /[\w/]{20,80}/),
  webhook(["api.netlify.com/build_hooks/"], /api\.netlify\.com\/build_hooks\//, /[a-f0-9]{20,40}/),
  webhook(["/integrations/deploy/"], /\/integrations\/deploy\/prj_\w{10,60}\//, /\w{8,40}/),
  webhook([".make.com/"], /\.make\.com\//, /[a-z0-9]{28,40}(?!\w)/),
  webhook(["oapi.dingtalk.com/"], /oapi\.dingtalk\.com\/robot\/send\?access_token=/, /[a-f0-9]{40,80}/),
  webhook(
    ["chat.googleapis.com/"],
    /chat\.googleapis\.com\/v1\/spaces\/[\w-]{5,40}\/messages\?/,
    /key=[\w-]{20,60}&(?:amp;)?token=[\w%-]{20,80}/,
  ),
];
