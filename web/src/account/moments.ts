// Moments as a person wants to read them: in the language and the time zone of the profile, else in English and UTC.
import { computed, signal } from "@preact/signals";

export const wishes = signal({ language: "", time_zone: "" });

function formatOf(language: string, timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(language || "en-GB", { dateStyle: "medium", timeStyle: "medium", timeZone });
}

const format = computed(() => {
  const { language, time_zone } = wishes.value;
  try {
    return formatOf(language, time_zone || "UTC");
  } catch {
    return formatOf("", "UTC"); // this browser knows no such language or zone
  }
});

/** The zone that moments are shown in. */
export const zone = computed(() => format.value.resolvedOptions().timeZone);

/** A moment in milliseconds since 1970. */
export function moment(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? "–" : format.value.format(ms);
}

/** A moment in UTC, whatever the profile says: beside the market, and in what is reckoned by the venue's days. */
export const utc = new Intl.DateTimeFormat("en-GB", { dateStyle: "short", timeStyle: "medium", timeZone: "UTC" });
