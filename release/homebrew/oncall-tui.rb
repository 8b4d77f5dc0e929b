# A formula for a tap. `python -m release.formula` fills in the repository, the version and the sums from dist/, and a
# release has the result. On Linux it is the bundle; on macOS the packages of requirements.lock in an environment of its own.
class OncallTui < Formula
  desc "What is on fire, which ECS service it is, which deploy did it"
  homepage "https://github.com/@REPOSITORY@"
  version "@VERSION@"
  license "MIT"

  on_macos do
    url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/@SOURCE@"
    sha256 "@SOURCE_SUM@"
    depends_on "python@3.13"
  end

  on_linux do
    on_intel do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/@X86_64@"
      sha256 "@X86_64_SUM@"
    end
    on_arm do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/@AARCH64@"
      sha256 "@AARCH64_SUM@"
    end
  end

  def install
    if OS.mac?
      system "python3.13", "-m", "venv", libexec
      system libexec/"bin/python", "-m", "pip", "install", "--quiet", "--requirement", "requirements.lock"
      system libexec/"bin/python", "-m", "pip", "install", "--quiet", "--no-deps", "."
      bin.install_symlink libexec/"bin/oncall-tui"
    else
      libexec.install Dir["*"]
      bin.install_symlink libexec/"oncall-tui"
    end
    generate_completions_from_executable(bin/"oncall-tui", "completion", shells: [:bash, :zsh, :fish])
    system bin/"oncall-tui", "man", "--into", man1
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/oncall-tui --version")
    assert_match "5/5 sources live", shell_output("#{bin}/oncall-tui demo")
  end
end
