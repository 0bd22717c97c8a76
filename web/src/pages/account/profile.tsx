// What one says of oneself. The venue decides nothing by it; the page shows colours and moments by it.
import { useSignal } from "@preact/signals";
import { useSubmission } from "../../account/submission.ts";
import { call } from "../../net/session.ts";
import type { ProfileShown } from "../../net/v1.ts";
import { Field, Select, Wrong } from "../../parts/parts.tsx";
import { choose } from "../../theme.ts";

const THEMES = { "": "not said: as this browser has it", system: "as the system has it", light: "light", dark: "dark" };
const ZONES = Intl.supportedValuesOf("timeZone");

interface Props {
  answer: ProfileShown | null;
  problem: string | null;
  saved: () => void;
}

export function Profile({ answer, problem, saved }: Props) {
  const isSaved = useSignal(false);
  const form = useSubmission(["display_name", "email", "language", "time_zone"], async (text) => {
    isSaved.value = false;
    const theme = text("theme") as keyof typeof THEMES;
    const body: ProfileShown = {
      display_name: text("display_name").trim(),
      email: text("email").trim(),
      language: text("language").trim(),
      time_zone: text("time_zone").trim(),
      theme,
    };
    await call("/v1/account/profile", { method: "PUT", body });
    if (theme !== "") choose(theme);
    isSaved.value = true;
    saved();
  });
  if (answer === null) return <Wrong text={problem} />;
  return (
    <form class="form" onSubmit={form.submit}>
      <Field
        label="Name that is shown"
        name="display_name"
        maxLength={100}
        autocomplete="nickname"
        dir="auto"
        defaultValue={answer.display_name}
        wrong={form.wrong.display_name}
        testid="profile-name"
      />
      <Field
        label="E-mail (no mail is sent)"
        name="email"
        type="email"
        maxLength={254}
        autocomplete="email"
        defaultValue={answer.email}
        wrong={form.wrong.email}
      />
      <Field
        label="Language of dates, such as de or pt-BR"
        name="language"
        pattern="[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}"
        title="A language as BCP 47 names it: de, pt-BR"
        defaultValue={answer.language}
        wrong={form.wrong.language}
      />
      <Field
        label="Time zone, such as Europe/Berlin"
        name="time_zone"
        list="zones"
        pattern="[A-Za-z][A-Za-z0-9_+\-]*(/[A-Za-z0-9_+\-]+){0,2}"
        title="A time zone as the IANA names it: Europe/Berlin"
        autocomplete="off"
        defaultValue={answer.time_zone}
        wrong={form.wrong.time_zone}
        testid="profile-zone"
      />
      <datalist id="zones">
        {ZONES.map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
      <Select label="Colours" name="theme" of={THEMES} defaultValue={answer.theme ?? ""} testid="profile-theme" />
      <Wrong text={form.rest} />
      <div class="buttons">
        <button type="submit" class="button first" disabled={form.isBusy}>
          Save
        </button>
        {isSaved.value && <span role="status">Saved.</span>}
      </div>
    </form>
  );
}
