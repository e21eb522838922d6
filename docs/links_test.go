// Package docs_test holds that the documentation says what the code does, as far as that can be compared, and that
// its links lead somewhere.
package docs_test

import (
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = ".."

// pages are all Markdown files of the repository, by their path below its root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && (name == "bin" || name == ".git") {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(file, ".md") {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		below, err := filepath.Rel(root, file)
		found[filepath.ToSlash(below)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 30 {
		t.Fatalf("only %d pages were found", len(found))
	}
	return found
}

var (
	codeBlock = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$")
	codeSpan  = regexp.MustCompile("`[^`\n]*`")
	link      = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	reference = regexp.MustCompile(`(?m)^\[[^\]]+\]:\s+(\S+)`)
	heading   = regexp.MustCompile(`(?m)^#{1,6}\s+(.*?)\s*$`)
	notAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// TestLinks holds that every relative link leads to a file or directory, and every anchor to a heading.
func TestLinks(t *testing.T) {
	all := pages(t)
	for page, text := range all {
		prose := codeSpan.ReplaceAllString(codeBlock.ReplaceAllString(text, ""), "")
		for _, match := range append(link.FindAllStringSubmatch(prose, -1), reference.FindAllStringSubmatch(prose, -1)...) {
			if problem := follow(all, page, match[1]); problem != "" {
				t.Errorf("%s: %s %s", page, match[1], problem)
			}
		}
	}
}

// follow says what is wrong with a link; nothing where it leads out of the repository.
func follow(all map[string]string, page, target string) string {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return ""
	}
	file, anchor, _ := strings.Cut(target, "#")
	destination := page
	if file != "" {
		destination = path.Join(path.Dir(page), file)
	}
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(destination))); err != nil {
		return "leads nowhere"
	}
	if anchor != "" && !anchors(all[destination])[anchor] {
		return "names no heading"
	}
	return ""
}

// anchors are the headings of a page as GitHub names them.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		title := notAnchor.ReplaceAllString(strings.ToLower(strings.ReplaceAll(match[1], "`", "")), "")
		found[strings.ReplaceAll(title, " ", "-")] = true
	}
	return found
}

// TestEveryPageIsLinked holds that no page of docs is left where nobody finds it.
func TestEveryPageIsLinked(t *testing.T) {
	all := pages(t)
	linked := map[string]bool{}
	for page, text := range all {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			file, _, _ := strings.Cut(match[1], "#")
			linked[path.Join(path.Dir(page), file)] = true
		}
	}
	for page := range all {
		if strings.HasPrefix(page, "docs/") && page != "docs/README.md" && !linked[page] {
			t.Errorf("no page links to %s", page)
		}
	}
}

// TestImages holds that every image is proper XML with a title, and stands in a page.
func TestImages(t *testing.T) {
	images, err := filepath.Glob("images/*")
	if err != nil || len(images) == 0 {
		t.Fatalf("%d images: %v", len(images), err)
	}
	all := pages(t)
	for _, image := range images {
		text, err := os.ReadFile(image)
		if err != nil {
			t.Fatal(err)
		}
		if err := wellFormed(string(text)); err != nil || !strings.Contains(string(text), "<title") {
			t.Errorf("%s is no proper picture with a title: %v", image, err)
		}
		used := false
		for _, page := range all {
			used = used || strings.Contains(page, image+")")
		}
		if !used {
			t.Errorf("%s is in no page", image)
		}
	}
}

func wellFormed(text string) error {
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
