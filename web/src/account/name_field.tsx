// The name of an account, where somebody says whose it is.
import { Field } from "../parts/parts.tsx";

interface NameProps {
  label?: string;
  pattern?: string;
  title?: string;
  defaultValue?: string;
  wrong?: string | undefined;
  testid: string;
}

export function NameField({ label = "Name", ...more }: NameProps) {
  return (
    <Field
      label={label}
      name="name"
      autocomplete="username"
      required
      autofocus
      maxLength={36}
      spellcheck={false}
      autocapitalize="off"
      {...more}
    />
  );
}
